"""An agent of OCS that listens to others and asks them, for the check of agents that run as children."""
from ocs import ocs_agent, site_config
from ocs.ocs_client import OCSClient
from twisted.internet.defer import inlineCallbacks


class Listening:
    """Listens to the feeds of others."""

    def __init__(self, agent):
        self.agent = agent
        self.heard = {}
        self.beats = {}
        agent.subscribe_on_start(self.hear, 'observatory.fake.feeds.false', options={'match': 'prefix'})
        agent.subscribe_on_start(self.beat, 'observatory..feeds.heartbeat', options={'match': 'wildcard'})

    def hear(self, data):
        blocks, feed = data
        for name, block in blocks.items():
            self.heard = {'block': name, 'class': feed['agent_class'], 'fields': sorted(block['data']),
                          'values': [type(value).__name__ for value in next(iter(block['data'].values()))][:1],
                          'tags': (block['influxdb_tags'] or {}).get('channel_00')}

    def beat(self, data):
        codes, feed = data
        assert feed['feed_name'] == 'heartbeat' and feed['record'] is False, feed
        self.beats[feed['agent_address']] = codes

    def beats_heard(self, session, params):
        """Shows whose heartbeats were heard."""
        session.data = self.beats
        return len(self.beats) > 2, 'heard'

    def told(self, session, params):
        """Shows what was heard last."""
        session.data = self.heard
        return bool(self.heard), 'heard'

    @ocs_agent.param('delay', type=float)
    def client(self, session, params):
        """Runs a task of another by OCSClient, in a thread."""
        fake = OCSClient('fake', args=[])
        answer = fake.delay_task(delay=params['delay'])
        session.data = {'status': str(answer.status), 'said': answer.session['messages'][-2][1]}
        return True, 'asked'

    @inlineCallbacks
    def call(self, session, params):
        """Asks for the status of another's operation, in the reactor."""
        answer = yield self.agent.call_op('observatory.fake', 'acq', 'status')
        session.data = {'op': answer[2]['op_name']}
        return True, 'called'


def main(args=None):
    args = site_config.parse_args(agent_class='ListeningAgent', args=args)
    agent, runner = ocs_agent.init_site_agent(args)
    listening = Listening(agent)
    agent.register_task('told', listening.told)
    agent.register_task('beats', listening.beats_heard)
    agent.register_task('client', listening.client)
    agent.register_task('call', listening.call, blocking=False)
    runner.run(agent, auto_reconnect=True)
