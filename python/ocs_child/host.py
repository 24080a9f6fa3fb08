"""Runs an unmodified agent of OCS, with the runtime at the other end of a pipe as its router."""
import json
import os
import sys
import threading
import time

import txaio

txaio.use_twisted()

from autobahn.wamp.exception import ApplicationError  # noqa: E402
from ocs import ocs_agent, site_config  # noqa: E402
from ocs.ocs_client import OCSClient  # noqa: E402
from twisted.internet import defer, reactor, task  # noqa: E402

from . import describe  # noqa: E402
from .feeds import Feeds  # noqa: E402
from .leave import leave  # noqa: E402
from .values import from_wire, plain  # noqa: E402

#: Seconds between two checks of the sessions.
LOOK_S = 1.0
#: Seconds before the first check of a new session: its first data tend to be there by then.
FIRST_LOOK_S = 0.1
#: Seconds that the agent has to end once its runtime is gone, whatever its threads do.
GONE_S = 10.0
#: Seconds that the last rows wait for their answer.
ANSWER_S = 2.0
#: Maximum characters of JSON for a session's data.
MOST_DATA = 1 << 20


class Registration:
    """The object that autobahn returns for a procedure or a subscription."""

    def unregister(self):
        return defer.succeed(None)

    unsubscribe = unregister


class Host:
    """
    Stands in for autobahn's runner and for the router.

    lines: text file with the runtime's requests.  pipe: a Pipe to it.  agent_class: as in the site file.
    """

    #: Seconds that the agent has to end.
    gone_s = GONE_S

    def __init__(self, lines, pipe, agent_class):
        self._lines = lines
        self._pipe = pipe
        self._class = agent_class
        self._agent = None
        self._said = {}
        self._says = True
        self._told = {}
        self._unshown = {}
        self._feeds = Feeds(pipe)
        self._ending = self._is_gone = self._is_reading = False
        self._handlers = []
        self._calls = 0
        self._waiting = {}
        self._lock = threading.Lock()

    def install(self, args):
        """Replaces the places in OCS that would use a router, a separate log file, or end the process."""
        host = self

        class Runner:
            def __init__(self, url, realm, *_, **__):
                self._realm = realm

            def run(self, agent, *_, **__):
                host.run(agent, self._realm)

        given = {name: value for name, value in zip(args, args[1:]) if name.startswith('--')}
        read = site_config.get_config

        def get_config(wanted, agent_class=None):
            # Clients in the agent find the same site as the agent itself.
            if wanted.site_file is None and wanted.site is None:
                wanted.site_file = given.get('--site-file')
                wanted.site_host = wanted.site_host or given.get('--site-host')
            found = read(wanted, agent_class)
            for key, flag in (('wamp_server', '--site-hub'), ('wamp_http', '--site-http'),
                              ('wamp_realm', '--site-realm'), ('address_root', '--address-root')):
                if found[0] is not None and flag in given:
                    found[0].hub.data.setdefault(key, given[flag])
            return found

        site_config.get_config = get_config
        init = ocs_agent.init_site_agent

        def init_site_agent(args, address=None):
            # The runtime keeps the log.
            args.log_dir = None
            # The hub decides about access rights, and the runtime asks for them before the agent could.
            args.access_policy = None
            args.agent_class = host._class or getattr(args, 'agent_class', None)
            return init(args, address)

        ocs_agent.ApplicationRunner = Runner
        ocs_agent.init_site_agent = init_site_agent
        status, message = ocs_agent.OpSession.set_status, ocs_agent.OpSession.add_message

        def set_status(session, *args, **kwargs):
            if not ocs_agent.in_reactor_context():
                # It arrives here again, in the reactor.
                return status(session, *args, **kwargs)
            # The runtime itself reports the status.
            host._says = False
            try:
                status(session, *args, **kwargs)
            finally:
                host._says = True
            host.look()
            reactor.callLater(FIRST_LOOK_S, host.look)

        def add_message(session, text, timestamp=None):
            if not ocs_agent.in_reactor_context():
                return message(session, text, timestamp)
            # The runtime logs the messages of a session.
            log = session.app.log
            session.app.log = _Silent(log)
            try:
                message(session, text, timestamp)
            finally:
                session.app.log = log
            if host._says:
                host._said.setdefault(session, []).append(str(text))

        from ocs import client_http
        client_http.ControlClient.call = lambda client, procedure, *args, **kwargs: host.call_and_wait(
            procedure, *args, **kwargs)
        self._make_clients_later()
        ocs_agent.OpSession.set_status = set_status
        ocs_agent.OpSession.add_message = add_message

    def _make_clients_later(self):
        """
        A client that is made before the agent runs requests its operations when the first of them is used.
        """
        host, make = self, OCSClient.__init__

        def make_later(client, instance_id, *args, **kwargs):
            client.instance_id = instance_id
            if host._is_reading:
                make(client, instance_id, *args, **kwargs)
            else:
                client.__dict__['_wanted'] = (args, kwargs)

        def make_now(client, name):
            wanted = client.__dict__.get('_wanted')
            if wanted is None or name.startswith('__'):
                raise AttributeError(f'{client.instance_id} has no {name}')
            args, kwargs = wanted
            make(client, client.instance_id, *args, **kwargs)
            del client.__dict__['_wanted']
            return getattr(client, name)

        OCSClient.__init__, OCSClient.__getattr__ = make_later, make_now

    def run(self, agent, realm):
        """Runs the agent until the runtime is gone or tells it to end."""
        self._agent = agent
        # The runtime starts them, so that they run again after this process, too.
        told = describe.hello(agent, _help_of(agent))
        agent.startup_ops = []
        agent.register = lambda *_, **__: defer.succeed(Registration())
        agent.publish = self._publish
        ocs_agent.ApplicationSession.subscribe = lambda session, handler, topic=None, options=None: self._subscribe(
            session, handler, topic, options)
        agent.call = self._call
        agent.join = agent.leave = agent.disconnect = lambda *_: None
        agent._heartbeat_on = False

        def begin():
            agent.onConnect()
            feeds = self._feeds.declare({name: (feed.record, feed.agg_params) for name, feed in agent.feeds.items()})
            self._pipe.declare(hello=dict(told, feeds=feeds, pid=os.getpid(), before=self._pipe.before()))
            self._pipe.hand_over_left()
            agent.onJoin({'realm': realm})
            # The runtime answers the hub's heartbeat checks.
            agent.heartbeat_call.stop()
            # All children check at the same moment: their runtime wakes up once for all of them.
            reactor.callLater(LOOK_S - time.monotonic() % LOOK_S, task.LoopingCall(self._look_again).start, LOOK_S)
            threading.Thread(target=self._read, daemon=True).start()

        reactor.addSystemEventTrigger('before', 'shutdown', self._flush)
        reactor.callWhenRunning(begin)
        reactor.run()
        left = self._pipe.close()
        # Threads of the agent may hang in their instruments.
        self.leave(0, f'{left} rows wait for the next start' if left else '')

    def _look_again(self):
        # A slow runtime would receive every one of many reports; skipping them gives it only the latest.
        if not self._pipe.is_slow:
            self.look()

    def look(self):
        """Reports changes of the sessions."""
        lines = [self._line(op, session) for op, session in list(self._agent.sessions.items()) if session is not None]
        self._pipe.send_lines(*filter(None, lines))

    def _line(self, op, session):
        """The changes of a session as a line; None if there are none."""
        new = self._said.pop(session, [])
        told = (json.dumps({'op': op, 'session_id': session.session_id, 'status': session.status,
                            'degraded': bool(session.degraded), 'success': session.success}), self._data(op, session))
        if not new and self._told.get(op) == told:
            return None
        self._told[op] = told
        state, data = told
        return f'{{"session": {state[:-1]}, "data": {data}, "messages": {json.dumps(new)}}}}}'

    def _data(self, op, session):
        """The data of a session, as JSON."""
        try:
            data = json.dumps(plain(session.data))
        except Exception as error:  # noqa: BLE001
            # It contains itself, a thread changed it in the meantime, or something in it fails on access.
            text = f'{op}: its data is not shown: {type(error).__name__}: {error}'
            if self._unshown.get(op) != text:
                print(text, file=sys.stderr)
            self._unshown[op] = text
            return '{}'
        self._unshown.pop(op, None)
        return data if len(data) <= MOST_DATA else json.dumps({'left out': f'{len(data)} characters of JSON'})

    def _publish(self, topic, *args, **_):
        """Publishes a message of a feed: (blocks, feed) for a recorded one, (message, feed) for another."""
        self._feeds.publish(*(args[0] if len(args) == 1 and isinstance(args[0], tuple) else args))

    def _subscribe(self, _, handler, topic=None, options=None):
        """Replaces ApplicationSession.subscribe: the handler receives (blocks, feed) or (message, feed)."""
        self._handlers.append(handler)
        match = getattr(options, 'match', None) or 'exact'
        self._pipe.send(subscribe=len(self._handlers) - 1, topic=topic, match=match)
        return defer.succeed(Registration())

    def _hear(self, number, message):
        said = message.get('message')
        if 'blocks' in message:
            said = {name: {'block_name': name, 'timestamps': block['timestamps'], 'influxdb_tags': block.get('influxdb_tags'),
                           'data': {field: [from_wire(block['types'].get(field, 'double'), value) for value in values]
                                    for field, values in block['data'].items()}}
                    for name, block in message['blocks'].items()}
        try:
            self._handlers[number]((said, message['feed']))
        except Exception as error:  # noqa: BLE001, as autobahn has it
            print(f'a subscriber failed: {type(error).__name__}: {error}', file=sys.stderr)

    def _send_call(self, procedure, args, kwargs, done):
        with self._lock:
            self._calls += 1
            number = self._calls
            self._waiting[number] = done
        self._pipe.send(call=number, procedure=procedure, args=plain(list(args)), kwargs=plain(kwargs))

    def _call(self, procedure, *args, **kwargs):
        """Replaces ApplicationSession.call."""
        answer = defer.Deferred()
        kwargs.pop('options', None)

        def done(line):
            if 'error' in line:
                reactor.callFromThread(
                    answer.errback, ApplicationError('wamp.error.no_such_procedure', line['error']))
            else:
                reactor.callFromThread(answer.callback, line['result'])

        self._send_call(procedure, args, kwargs, done)
        return answer

    def call_and_wait(self, procedure, *args, **kwargs):
        """Replaces the HTTP requests of OCS's client; the thread waits, even the reactor's."""
        if not self._is_reading:
            raise RuntimeError(f'{procedure} cannot be called before the agent runs')
        came, lines = threading.Event(), []
        self._send_call(procedure, args, kwargs, lambda line: (lines.append(line), came.set()))
        came.wait()
        line = lines[0]
        if 'error' in line:
            from ocs.client_http import ControlClientError
            raise ControlClientError([0, 0, 0, 0, 'wamp.error.no_such_procedure', [line['error']], {}])
        return line['result']

    def _read(self):
        self._is_reading = True
        for line in self._lines:
            request = json.loads(line)
            if 'rows' in request:
                self._pipe.answered(request['rows'])
            elif 'called' in request:
                with self._lock:
                    done = self._waiting.pop(request['called'])
                done(request)
            elif 'heard' in request:
                reactor.callFromThread(self._hear, request['heard'], request['message'])
            elif request['do'] == 'end':
                self._end_soon()
            else:
                reactor.callFromThread(self._do, request)
        # The runtime is gone: nothing will be answered any more.
        self._is_gone = True
        self._end_soon()

    def _end_soon(self):
        if self._ending:
            return
        self._ending = True
        threading.Thread(target=self._give_up, daemon=True).start()
        reactor.callFromThread(self._end)

    def _do(self, request):
        agent, op = self._agent, request['op']
        if request['do'] == 'start':
            answer = agent.start(op, request['params'], password=agent)
        else:
            answer = getattr(agent, request['do'])(op, None, password=agent)
        status, text, _ = answer
        self._pipe.send(id=request['id'], status=int(getattr(status, 'value', status)), msg=str(text))
        self.look()

    @defer.inlineCallbacks
    def _flush(self):
        """Hands over the samples that feeds have collected, and waits for the answer, but not for long."""
        for feed in self._agent.feeds.values():
            feed.flush_buffer()
        for _ in range(int(ANSWER_S / 0.02)):
            if self._is_gone or not self._pipe.waits:
                return
            yield task.deferLater(reactor, 0.02, lambda: None)

    def _end(self):
        if all(session is None or session.status == 'done' for session in self._agent.sessions.values()):
            reactor.stop()
        else:
            self._agent._shutdown()

    def _give_up(self):
        timer = threading.Event()
        timer.wait(self.gone_s)
        left = self._pipe.close()
        self.leave(1, f'did not end in {self.gone_s:.0f} s{f", {left} rows wait for the next start" if left else ""}')

    def leave(self, code, text):
        """Ends the process, with a line for the runtime's log if that still exists."""
        leave(code, text)


class _Silent:
    def __init__(self, log):
        self._log = log

    def __getattr__(self, name):
        return (lambda *_, **__: None) if name == 'info' else getattr(self._log, name)


def _help_of(agent):
    """The docstring of the class whose methods the operations are."""
    for op in [*agent.tasks.values(), *agent.processes.values()]:
        owner = getattr(op.launcher, '__self__', None)
        if owner is not None and type(owner).__doc__:
            return ' '.join(type(owner).__doc__.split('\n\n')[0].split())
    return ''
