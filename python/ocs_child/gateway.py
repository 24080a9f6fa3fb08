"""Represents an agent that is on a crossbar: the runtime here has its presence, operations and feeds."""
import inspect
import json
import os
import threading

import txaio

txaio.use_twisted()

from autobahn.twisted.wamp import ApplicationRunner, ApplicationSession  # noqa: E402
from autobahn.wamp.exception import ApplicationError  # noqa: E402
from autobahn.wamp.types import SubscribeOptions  # noqa: E402
from twisted.internet import defer, reactor, task  # noqa: E402

from .feeds import Feeds  # noqa: E402
from .leave import leave  # noqa: E402
from .values import plain  # noqa: E402

#: Seconds between two checks of the agent, and without an answer until it counts as gone.
LOOK_S, GONE_S = 1.0, 10.0
#: Seconds that the last rows wait for their answer.
ANSWER_S = 2.0


class Gateway:
    """
    One agent on a crossbar.

    lines: text file with the runtime's requests.  pipe: a Pipe to it.  url: WebSocket of the crossbar.
    address: the agent's, such as observatory.fake.
    """

    def __init__(self, lines, pipe, url, realm, address):
        self._lines, self._pipe = lines, pipe
        self._url, self._realm, self._address = url, realm, address
        self._feeds = Feeds(pipe)
        self._session = None
        self._told = {}
        self._said = {}

    def run(self):
        """Represents the agent until the runtime or the agent is gone."""
        gateway = self

        class Session(ApplicationSession):
            def onJoin(self, _):
                gateway._session = self
                gateway._begin().addErrback(gateway._gone)

            def onDisconnect(self):
                gateway._end(1, f'{gateway._url} has closed the connection')

        joined = ApplicationRunner(self._url, self._realm).run(Session, start_reactor=False)
        # A router that is too busy for the handshake makes no session that could report it.
        joined.addCallback(lambda protocol: protocol.is_closed.addCallback(self._closed))
        joined.addErrback(lambda failure: self._end(1, f'{self._url} cannot be reached: {failure.value}'))
        reactor.run(installSignalHandlers=False)

    @defer.inlineCallbacks
    def _begin(self):
        api = yield self._get_api()
        yield self._session.subscribe(self._hear, f'{self._address}.feeds.', SubscribeOptions(match='prefix'))
        # Sessions that run already are reported before the runtime could start any.
        self._tell(api, self._pipe.declare)
        self._pipe.declare(hello=self._hello(api))
        self._pipe.hand_over_left()
        looking = task.LoopingCall(self._look)
        looking.start(LOOK_S, now=False).addErrback(self._gone)
        threading.Thread(target=self._read, daemon=True).start()

    def _get_api(self):
        return self._session.call(self._address, 'get_api').addTimeout(GONE_S, reactor)

    @defer.inlineCallbacks
    def _look(self):
        self._tell((yield self._get_api()), self._pipe.send)

    def _hello(self, api):
        ops = {}
        for kind, registered in (('task', api['tasks']), ('process', api['processes'])):
            for name, _, op in registered:
                ops[name] = {'kind': kind, 'help': inspect.cleandoc(op['docstring'] or ''),
                             'min_privs': max(1, op.get('min_privs') or 1)}
        feeds = self._feeds.declare({name: (feed['record'], feed['agg_params']) for name, feed in api['feeds']
                                     if name != 'heartbeat'})
        return {'agent_class': api['agent_class'], 'ops': ops, 'feeds': feeds, 'stays': True,
                'pid': os.getpid(), 'before': self._pipe.before(),
                'help': f'On {self._url}: pid {api.get("instance_pid")} of {api.get("instance_hostname")}.'}

    def _tell(self, api, send):
        """Reports changes of the sessions."""
        for op, session, _ in [*api['tasks'], *api['processes']]:
            if not session or session.get('session_id') is None:
                continue
            number, said = session['session_id'], [list(message) for message in session['messages']]
            known, heard = self._said.get(op, (None, []))
            new = [text for at, text in said if [at, text] not in heard or number != known]
            document = {'op': op, 'session_id': number, 'status': session['status'],
                        'degraded': bool(session.get('degraded')), 'success': session['success'],
                        'data': plain(session['data'])}
            text = json.dumps(document)
            if not new and self._told.get(op) == text:
                continue
            self._said[op], self._told[op] = (number, said), text
            send(session=dict(document, messages=list(map(str, new))))

    def _hear(self, data):
        message, about = data
        self._feeds.publish(message, about)

    def _read(self):
        for line in self._lines:
            request = json.loads(line)
            if 'rows' in request:
                self._pipe.answered(request['rows'])
            elif request.get('do') == 'end':
                break
            elif 'do' in request:
                reactor.callFromThread(self._do, request)
        reactor.callFromThread(self._finish)

    @defer.inlineCallbacks
    def _do(self, request):
        try:
            # Names as in OCS's own clients.
            status, text, _ = yield self._session.call(
                f'{self._address}.ops', request['do'], request['op'], params=request.get('params'))
        except ApplicationError as error:
            status, text = -1, f'{error.error}: {error.args}'
        self._pipe.send(id=request['id'], status=int(status), msg=str(text))
        yield self._look().addErrback(self._gone)

    @defer.inlineCallbacks
    def _finish(self):
        """Waits for the answers to the last rows, but not for long."""
        for _ in range(int(ANSWER_S / 0.02)):
            if not self._pipe.waits:
                break
            yield task.deferLater(reactor, 0.02, lambda: None)
        self._end(0, '')

    def _closed(self, _):
        if self._session is None:
            self._end(1, f'{self._url} cannot be reached: it takes connections and does not answer')

    def _gone(self, failure):
        self._end(1, f'{self._address} is not on {self._url}: {failure.value}')

    def _end(self, code, text):
        self._pipe.close()
        leave(code, text)
