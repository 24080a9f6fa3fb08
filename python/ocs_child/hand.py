"""
An agent that is started by hand (ocs-agent-cli, coverage run, a separate container) on our hub: it starts a
runtime, which talks to the hub, stores rows and sessions, and ends with it. On a site whose router is
crossbar nothing changes.
"""
import json
import os
import shutil
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit, urlunsplit

#: Seconds from SIGINT to the end, whatever the agent's threads do; OCS's own tests wait for 10.
HAND_S = 7.0
#: Seconds that exit handlers, and the runtime, have after the reactor.
LAST_S = 2.0


def patch(ocs_agent):
    """Makes an agent on our hub run with its own runtime."""
    init = ocs_agent.init_site_agent

    def init_site_agent(args, address=None):
        if not is_ours(args.site_hub):
            return init(args, address)
        # The runtime keeps the log, and asks the hub for access rights.
        args.log_dir = args.access_policy = None
        return init(args, address)[0], Runner(args)

    ocs_agent.init_site_agent = init_site_agent


def is_ours(server):
    """Whether a router is a hub of ocs, judged by its answer at /info; waits until it answers."""
    parts = urlsplit(server)
    secure = parts.scheme in ('wss', 'https')
    url = urlunsplit(('https' if secure else 'http', parts.netloc, '/info', '', ''))
    # Nothing secret is sent to whoever answers.
    context = ssl._create_unverified_context() if secure else None
    said = False
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5, context=context) as answer:
                return 'address_root' in json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return 'realm="ocs"' in error.headers.get('www-authenticate', '')
        except ValueError:
            return False  # Crossbar's is a page.
        except OSError as error:
            if not said:
                print(f'waiting for the hub at {server}: {error}', file=sys.stderr)
            said = True
            time.sleep(1)


class Runner:
    """Takes the place of autobahn's runner."""

    def __init__(self, args):
        self._args = args

    def run(self, agent, *_, **__):
        from .pipe import Pipe
        args = self._args
        given = [('--site-file', args.site_file), ('--site-host', args.site_host)]
        words = [_ocs(), 'agent', '--attached', '--instance-id', args.instance_id]
        words += [word for flag, value in given if value for word in (flag, value)]
        # Ctrl-C is for the agent, which still has rows to hand over.
        runtime = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
                                   encoding='utf-8')
        first = runtime.stdout.readline()
        if not first:
            sys.exit(runtime.wait() or 1)
        try:
            left = json.loads(first)['left']
        except (ValueError, TypeError, KeyError):
            runtime.kill()
            sys.exit(f'{words[0]} is no ocs that runs agents started by hand: {first.strip()}')
        pipe = Pipe(runtime.stdin, left)
        host = _hand_host()(runtime.stdout, pipe, args.agent_class)
        host.runtime = runtime
        host.install([word for flag, value in [*given, ('--site-http', args.site_http), ('--site-realm', args.site_realm)]
                      if value for word in (flag, value)])
        host.run(agent, args.site_realm)


def _hand_host():
    # The agent imports OCS, not this module.
    from .host import Host

    class HandHost(Host):
        gone_s = HAND_S
        runtime = None

        def run(self, agent, realm):
            stop = agent._shutdown

            def shutdown():
                if not self._ending:
                    self._ending = True
                    threading.Thread(target=self._give_up, daemon=True).start()
                return stop()

            agent._shutdown = shutdown
            super().run(agent, realm)

        def leave(self, code, text):
            """Returns after a good end, so that exit handlers run, such as those of coverage."""
            if code:
                super().leave(code, text)
            if text:
                print(text, file=sys.stderr)
            threading.Thread(target=_end, daemon=True).start()
            try:
                self.runtime.stdin.close()
            except OSError:
                pass  # It was gone before.
            try:
                self.runtime.wait(LAST_S / 2)
            except subprocess.TimeoutExpired:
                pass  # It ends by itself.

    return HandHost


def _end():
    time.sleep(LAST_S)
    os._exit(0)


def _ocs():
    """The program `ocs`: from $OCS_PROGRAM, the path, or the clone that contains this file."""
    clone = os.path.join(os.path.dirname(__file__), '..', '..', 'bin', 'ocs')
    found = os.environ.get('OCS_PROGRAM') or shutil.which('ocs') or (clone if os.path.exists(clone) else None)
    if not found:
        sys.exit('this agent needs the program ocs beside it: install it, or name it in OCS_PROGRAM (docs/python-agents.md)')
    return found
