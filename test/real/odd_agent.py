"""An agent of OCS that shows, prints and does what one had better not, for the check of agents that run as children."""
import signal
import threading
import time

import numpy
from ocs import ocs_agent, site_config


def odd(session, params):
    """Shows what JSON has no word for, and prints what no terminal has."""
    print('\ud800 Ångström')
    session.data = {'inf': float('inf'), 'nan': numpy.float32('nan'), 'large': 2**53 + 1, 'array': numpy.arange(3),
                    'set': {1}, 'bytes': b'\xff', 'surrogate': '\ud800', 1.5: True}
    return True, '\ud800 Ångström'


def much(session, params):
    """Shows more than anybody reads."""
    session.data = {'x': 'x' * (2 << 20)}
    return True, 'shown'


class Boom:
    def __str__(self):
        raise ValueError('boom')


def boom(session, params):
    """Shows what fails when it is looked at."""
    session.data = {'x': Boom()}
    return True, 'shown'


def hang(session, params):
    """Has threads that heed nothing."""
    threading.Thread(target=lambda: [time.sleep(1) for _ in range(1000)]).start()
    session.set_status('running')
    time.sleep(1000)
    return True, 'never'


def main(args=None):
    args = site_config.parse_args(agent_class='OddAgent', args=args)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    agent, runner = ocs_agent.init_site_agent(args)
    for task in (odd, much, boom, hang):
        agent.register_task(task.__name__, task)
    runner.run(agent, auto_reconnect=True)
