"""
An agent of OCS that publishes running numbers, for the check that kills it: `run` is its process, `n` begins at 1. At
SIGUSR1 it publishes more at once than the pipe to its runtime holds.
"""
import os
import signal
import time

from ocs import ocs_agent, site_config
from twisted.internet import reactor, task

ROWS, HERTZ = 5, 5
BURST = 500
PAD = 'x' * int(os.environ.get('COUNTING_PAD', 2000))


class Counting:
    """Publishes running numbers."""

    def __init__(self, agent):
        self.agent = agent
        self.n = 0
        self.loop = None
        agent.register_feed('counts', record=True, agg_params={'frame_length': 0.5})

    def tick(self, rows=ROWS):
        for _ in range(rows):
            self.n += 1
            self.agent.publish_to_feed('counts', {
                'block_name': 'count', 'timestamp': time.time(),
                'data': {'run': os.getpid(), 'n': self.n, 'pad': PAD}})

    def acq(self, session, params):
        """Publishes until it is stopped."""
        signal.signal(signal.SIGUSR1, lambda *_: reactor.callFromThread(self.tick, BURST))
        self.loop = task.LoopingCall(self.tick)
        done = self.loop.start(1 / HERTZ)
        done.addCallback(lambda _: (True, f'{os.getpid()} stopped at {self.n}'))
        return done

    def stop(self, session, params):
        session.set_status('stopping')
        self.loop.stop()
        return True, 'asked to stop'


def main(args=None):
    args = site_config.parse_args(agent_class='CountingAgent', args=args)
    agent, runner = ocs_agent.init_site_agent(args)
    counting = Counting(agent)
    agent.register_process('acq', counting.acq, counting.stop, blocking=False, startup=True)
    runner.run(agent, auto_reconnect=True)
