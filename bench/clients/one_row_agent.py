"""An agent of OCS whose messages have one row: a given number as fast as possible, or at a steady rate."""
import argparse
import math
import time

from autobahn.twisted.util import sleep
from ocs import ocs_agent, site_config
from ocs.ocs_twisted import Pacemaker
from twisted.internet.defer import inlineCallbacks

NAMES = ['channel_%d' % i for i in range(8)]


class OneRowAgent:
    def __init__(self, agent, hertz):
        self.agent, self.hertz = agent, hertz
        agent.register_feed('rows', record=True, agg_params={'frame_length': 1})

    def publish(self, n):
        data = {name: 4 + math.sin(n + at) for at, name in enumerate(NAMES)}
        self.agent.publish_to_feed('rows', {'block_name': 'temps', 'timestamp': time.time(), 'data': data})

    @ocs_agent.param('rows', type=int)
    @inlineCallbacks
    def flood(self, session, params):
        for n in range(params['rows']):
            self.publish(n)
            # Unless the reactor runs, nothing is sent.
            if n % 50 == 49:
                yield sleep(0)
        return True, 'published'

    def acq(self, session, params):
        n, pace = 0, Pacemaker(self.hertz)
        while session.status in ('starting', 'running'):
            pace.sleep()
            self.publish(n)
            n += 1
        return True, 'stopped'

    def stop(self, session, params):
        session.set_status('stopping')
        return True, 'stopping'


def main(args=None):
    parser = argparse.ArgumentParser()
    parser.add_argument('--hertz', type=float, default=0)
    args = site_config.parse_args(agent_class='OneRowAgent', parser=parser, args=args)
    agent, runner = ocs_agent.init_site_agent(args)
    rows = OneRowAgent(agent, args.hertz)
    agent.register_process('acq', rows.acq, rows.stop, startup=args.hertz > 0)
    agent.register_task('flood', rows.flood, blocking=False)
    runner.run(agent, auto_reconnect=True)


if __name__ == '__main__':
    main()
