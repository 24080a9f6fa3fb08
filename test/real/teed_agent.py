"""
An agent of OCS whose publications go to its own router and, teed, to a crossbar: all types, blocks and buffers that feeds have.
"""
import math
import os
import time

from autobahn.twisted.wamp import ApplicationRunner, ApplicationSession
from ocs import ocs_agent, site_config
from twisted.internet import defer, reactor


class Teed:
    """Publishes to two routers."""

    def __init__(self, agent):
        self.agent = agent
        agent.register_feed('mixed', record=True, agg_params={'frame_length': 2})
        agent.register_feed('buffered', record=True, agg_params={'frame_length': 2}, buffer_time=0.5)
        agent.register_feed('left_out', record=True, agg_params={'exclude_aggregator': True})
        agent.register_feed('spoken', record=False)

    def tee(self, url):
        """Connects to the second router; what the agent publishes goes there, too, from then on."""
        agent, joined = self.agent, defer.Deferred()

        class Second(ApplicationSession):
            def onJoin(self, _):
                ours = agent.publish

                def publish(topic, *args, **kwargs):
                    self.publish(topic, *args)
                    return ours(topic, *args, **kwargs)

                agent.publish = publish
                joined.callback(None)

        ApplicationRunner(url, 'test_realm').run(Second, start_reactor=False)
        return joined

    @defer.inlineCallbacks
    def go(self, session, params):
        """Publishes forty times."""
        yield self.tee(os.environ['SECOND_ROUTER'])
        begun = time.time()
        for n in range(40):
            now = begun + 0.1 * n
            publish = self.agent.publish_to_feed
            publish('mixed', {'block_name': 'all', 'timestamp': now, 'influxdb_tags': {
                name: {'kind': name, '_field': name} for name in ('double', 'whole', 'odd', 'truth', 'word')}, 'data': {
                    'double': 1.0 + n, 'whole': 2**53 + n, 'odd': [math.nan, math.inf, -0.0, 1e-300][n % 4],
                    'truth': n % 2 == 0, 'word': f'číslo {n}'}})
            publish('mixed', {'block_name': 'some', 'timestamps': [now, now + 0.01, now + 0.02],
                              'data': {'short': [n, -n, 0], 'float_of_whole': [float(n)] * 3}})
            publish('buffered', {'block_name': 'steps', 'timestamp': now, 'data': {'n': n, 'half': n / 2}})
            publish('left_out', {'block_name': 'none', 'timestamp': now, 'data': {'n': n}})
            publish('spoken', {'n': n})
            step = defer.Deferred()
            reactor.callLater(0.1, step.callback, None)
            yield step
        self.agent.feeds['buffered'].flush_buffer()
        return True, 'all are published'


def main(args=None):
    args = site_config.parse_args(agent_class='TeedAgent', args=args)
    agent, runner = ocs_agent.init_site_agent(args)
    agent.register_task('go', Teed(agent).go, blocking=False)
    runner.run(agent, auto_reconnect=True)
