"""Controls agents of ocs from Python, with the shape of OCS's own client. Needs Python 3.10 and paho-mqtt 2.

    from ocs_mqtt import OCSClient

    ls240 = OCSClient('ls240')
    print(ls240.set_values(channel=3, enabled=1))  # a task: start it, wait for its end
    print(ls240.acq())                             # a process: its status
    ls240.acq.stop()
    ls240.acq.wait(timeout=10)
"""

from __future__ import annotations

import getpass
import json
import math
import os
import socket
import ssl
import threading
import time
import uuid
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

HUB = 'mqtt://127.0.0.1:1883'
PORTS = {'mqtt': 1883, 'ws': 8001, 'mqtts': 8883, 'wss': 8080}
#: Seconds between two requests of a long wait, and without a heartbeat after which an agent counts as lost.
SLICE, LOST = 10.0, 15.0


class OCSError(RuntimeError):
    """
    The hub or the agent cannot be reached, or did not answer in time. A refusal is not an error but an
    OCSReply.
    """


class ResponseCode(IntEnum):
    """The outcome of a request, not of the operation."""

    OK, ERROR, TIMEOUT = 0, -1, 1


class OpCode(IntEnum):
    """The state of an operation: session['op_code']."""

    NONE, STARTING, RUNNING, STOPPING, SUCCEEDED, FAILED, EXPIRED, DEGRADED = range(1, 9)


OK, ERROR, TIMEOUT = ResponseCode


class OCSReply(NamedTuple):
    """The answer to a request: unpacks into status, msg and session (empty if there is none)."""

    status: ResponseCode
    msg: str
    session: dict[str, Any]

    def __repr__(self) -> str:
        lines = [f'OCSReply: {self.status.name}: {self.msg}']
        if self.session:
            s, now = self.session, time.time()
            state = OpCode(s['op_code']).name + (' (degraded)' if s['degraded'] else '')
            ended = f', ended {now - s["end_time"]:.1f} s ago' if s['end_time'] else ''
            lines.append(f'  {s["op_name"]}[session={s["session_id"]}]: {state}, '
                         f'started {now - s["start_time"]:.1f} s ago by {s["started_by"]}{ended}')
            lines += [f'    {now - at:8.1f} s ago: {text}' for at, text in s['messages'][-5:]]
            if s['data']:
                text = json.dumps(s['data'])
                lines.append(f'  data: {text if len(text) < 400 else text[:400] + " …"}')
        return '\n'.join(lines)


class _Connection:
    """One MQTT connection to the hub, which paho restores by itself; requests and their answers."""

    def __init__(self, instance: str, hub: str, root: str, timeout: float) -> None:
        self.instance, self.hub, self.root, self.timeout = instance, hub, root, timeout
        self.api: dict[str, Any] = {}
        self._presence: dict[str, dict[str, Any]] = {}
        self._lost_at: float | None = None
        self._sent: dict[str, tuple[str, str]] = {}
        self._doubtful: set[str] = set()
        self._answers: dict[str, dict[str, Any]] = {}
        self._refused = ''
        self._news = threading.Condition()
        self._by = f'{_user()}@{socket.gethostname()}'
        self.name = f'py-{uuid.uuid4().hex[:12]}'
        url = urlsplit(hub if '//' in hub else f'mqtt://{hub}')
        if url.scheme not in PORTS or not url.hostname:
            raise OCSError(f'{hub!r} is no address of a hub: write it as {HUB} or mqtts://grumpy.lab:8883')
        port = url.port or PORTS[url.scheme]
        secure, web = url.scheme in ('mqtts', 'wss'), url.scheme in ('ws', 'wss')
        self._mqtt = mqtt = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=self.name, protocol=paho.MQTTv311,
            transport='websockets' if web else 'tcp')
        if web:
            mqtt.ws_set_options(path=url.path or '/ws')
        known = _credentials(url.hostname, port, secure)
        if known:
            mqtt.username_pw_set(*known[:2])
        if secure:
            # Only the authority in the credentials; a public one if they name none.
            mqtt.tls_set_context(ssl.create_default_context(cadata=known[2] if known else None))
        mqtt.on_connect, mqtt.on_message = self._connected, self._message
        # Otherwise a request waits 40 ms for the acknowledgement of the data sent before it.
        mqtt.on_socket_open = lambda _mqtt, _data, sock: _no_delay(sock)
        mqtt.reconnect_delay_set(1, 2)
        mqtt.connect_timeout = timeout
        try:
            mqtt.connect(url.hostname, port, keepalive=10)
        except (OSError, ValueError) as error:
            raise OCSError(f'no hub at {hub}: {error}. Is "ocs hub" running there?') from error
        mqtt.loop_start()
        with self._news:
            known = self._news.wait_for(lambda: self.api and self.run and self._lost_at is None, timeout)
        if not known:
            self.close()
            there = ', '.join(f'{name} {doc.get("state")}' for name, doc in sorted(self._presence.items())) or 'none'
            why = f'no agent {instance!r} is online at {hub}, address root {root!r} (there are: {there})'
            raise OCSError(self._refused or why)

    def close(self) -> None:
        self._mqtt.disconnect()
        self._mqtt.loop_stop()

    @property
    def run(self) -> str:
        """Distinguishes one process of the agent from the next."""
        return str(self._presence.get(self.instance, {}).get('session', ''))

    def request(self, op: str, action: str, params: dict[str, Any], run: str, wait: float | None = None) -> OCSReply:
        """
        Sends a request, and waits for the answer. Repeated with the same id after a lost connection: the
        agent acts once.
        """
        ident = uuid.uuid4().hex
        patience = self.timeout + max(0.0, wait or 0.0)
        body = {'id': ident, 'sent': time.time(), 'timeout': patience, 'params': params, 'by': self._by}
        if wait is not None:
            patience += LOST
            body['wait'] = wait
        try:
            text = json.dumps(body, allow_nan=False, default=_plain)
        except (TypeError, ValueError) as error:
            raise OCSError(f'{op}: a parameter cannot be sent: {error}') from error
        topic = f'{self.root}/{self.instance}/ops/{op}/{action}/{self.name}'
        with self._news:
            self._sent[ident] = (topic, text)
        self._mqtt.publish(topic, text, qos=1)
        end = time.monotonic() + patience
        try:
            with self._news:
                while ident not in self._answers:
                    self._check(run, f'{op}.{action}')
                    left = end - time.monotonic()
                    if left <= 0:
                        how = '' if self._mqtt.is_connected() else f'; the hub at {self.hub} is away'
                        raise OCSError(f'{self.instance} did not answer {op}.{action} within {patience:.0f} s{how}')
                    self._news.wait(min(left, 0.5))
                self._check(run, f'{op}.{action}')
                reply = self._answers[ident]
        finally:
            with self._news:
                self._sent.pop(ident, None)
                self._answers.pop(ident, None)
                self._doubtful.discard(ident)
        session = reply.get('session') or {}
        if session:
            session['data'] = _numbers(session['data'])
        return OCSReply(ResponseCode(reply['status']), reply['msg'], session)

    def _check(self, run: str, what: str) -> None:
        """
        @raises OCSError if the agent is another process than the one that was asked, or is gone for a while.
        """
        if run and self.run != run:
            raise OCSError(f'{self.instance} was restarted during {what}: what it did is over, look at its status')
        if self._lost_at is not None and time.monotonic() - self._lost_at > self.timeout:
            state = self._presence[self.instance].get('state')
            raise OCSError(f'{self.instance} is {state}: it went away during {what}. Is it running? (ocs ctrl status)')

    def _connected(self, mqtt: paho.Client, _data: Any, _flags: Any, reason: Any, _props: Any) -> None:
        if reason.is_failure:
            self._refused = f'the hub at {self.hub} refused the connection: {reason}'
            return
        here = f'{self.root}/{self.instance}'
        with self._news:
            self._doubtful.update(self._sent)
        mqtt.subscribe([(f'{here}/replies/{self.name}/+', 1), (f'{here}/api', 1), (f'{self.root}/+/presence', 1)])

    def _message(self, mqtt: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            content = json.loads(message.payload) if message.payload else {}
        except ValueError:
            return
        if not isinstance(content, dict):
            return
        levels = message.topic.split('/')
        again: list[tuple[str, str]] = []
        with self._news:
            if levels[2] == 'replies':
                if levels[4] in self._sent:
                    self._answers[levels[4]] = content
            elif levels[2] == 'api':
                self.api = content
            elif content:
                old = self._presence.get(levels[1], {})
                if content.get('state') == 'lost' and old and old.get('session') != content.get('session'):
                    return  # The will of an earlier process.
                self._presence[levels[1]] = content
                if levels[1] == self.instance:
                    online = content.get('state') == 'online'
                    self._lost_at = None if online else self._lost_at or time.monotonic()
                    # The presence of an agent that returns after the hub: requests it may have missed are
                    # sent again.
                    if online and content.get('session') == old.get('session'):
                        again = [self._sent[ident] for ident in self._doubtful if ident in self._sent]
            self._news.notify_all()
        for topic, text in again:
            mqtt.publish(topic, text, qos=1)


def _credentials(host: str, port: int, secure: bool) -> tuple[str, str, str | None] | None:
    """
    User name, token and authority: from the file in OCS_CREDENTIALS, of this account if it runs the hub, or
    from ocs login.
    """
    if not secure and host not in ('localhost', '::1') and not host.startswith('127.'):
        return None  # Without TLS nothing is shown to another host.
    env = os.environ
    named = env.get('OCS_CREDENTIALS')
    own = Path(env.get('XDG_STATE_HOME') or Path.home() / '.local/state') / 'ocs'
    if not named and not secure and _listeners(port) == {os.getuid()}:
        for state in filter(None, (env.get('OCS_STATE_DIR'), own)):
            file = Path(state) / 'hub/local.token'
            if file.is_file() and file.stat().st_mode & 0o077 == 0:
                return _user(), file.read_text().strip(), None
    login = Path(env.get('XDG_CONFIG_HOME') or Path.home() / '.config') / 'ocs/credentials/test_realm'
    file = Path(named) if named else login
    if not named and not file.is_file():
        return None if secure else _operators(port)
    try:
        known = json.loads(file.read_text())
        return known['principal'], known['token'], known.get('ca')
    except (OSError, ValueError, KeyError) as error:
        raise OCSError(f'{file} holds no credentials: {error!r}') from error


def _operators(port: int) -> tuple[str, str, None] | None:
    """
    The credentials that members of the operators' group may read, if they belong to the account that runs the
    hub.
    """
    uids = _listeners(port)
    for uid in uids if len(uids) == 1 else ():
        try:
            file = Path(f'/tmp/ocs-operators-{uid}-{port}')
            if file.stat().st_uid == uid and file.stat().st_mode & 0o027 == 0:
                return 'operators', file.read_text().strip(), None
        except OSError:
            pass  # Not there, or for others.
    return None


def _listeners(port: int) -> set[int]:
    """
    The accounts whose processes listen on a port of this machine: a token is sent only to its own account.
    """
    uids = set()
    for table in ('tcp', 'tcp6'):
        try:
            rows = Path(f'/proc/net/{table}').read_text().splitlines()[1:]
        except OSError:
            continue
        for row in (line.split() for line in rows):
            if row[3] == '0A' and int(row[1].rpartition(':')[2], 16) == port:
                uids.add(int(row[7]))
    return uids


class Operation:
    """
    One operation: a task has abort, a process stop. A call starts a task and waits, or returns a process's
    status.
    """

    stop: Callable[[], OCSReply]
    abort: Callable[[], OCSReply]

    def __init__(self, connection: _Connection, name: str, spec: dict[str, Any]) -> None:
        self._connection, self._name, self._kind = connection, name, spec['kind']
        self.__doc__ = f'{spec["help"]} Parameters: {json.dumps(spec["params"].get("properties", {}))}'
        setattr(self, 'abort' if self._kind == 'task' else 'stop', self._end)

    def start(self, **params: Any) -> OCSReply:
        return self._connection.request(self._name, 'start', params, self._connection.run)

    def wait(self, timeout: float | None = None) -> OCSReply:
        """
        Waits for its end, at most `timeout` seconds; without one as long as it takes while the agent lives.
        """
        return self._wait(timeout, self._connection.run)

    def status(self) -> OCSReply:
        return self._connection.request(self._name, 'status', {}, '')

    def __call__(self, **params: Any) -> OCSReply:
        if self._kind == 'process':
            return self.status()
        run = self._connection.run
        started = self.start(**params)
        return self._wait(None, run) if started.status == OK else started

    def _wait(self, timeout: float | None, run: str) -> OCSReply:
        end = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            reply = self._connection.request(self._name, 'wait', {}, run, min(SLICE, end - time.monotonic()))
            if reply.status != TIMEOUT or time.monotonic() >= end:
                return reply

    def _end(self) -> OCSReply:
        return self._connection.request(self._name, 'abort' if self._kind == 'task' else 'stop', {}, self._connection.run)

    def __repr__(self) -> str:
        return f'<{self._kind} {self._connection.instance}.{self._name}>'


class OCSClient:
    """
    A client of one agent: its operations are attributes (`-` becomes `_`).

    hub is mqtt://HOST:PORT or ws://HOST:PORT/PATH; root the site's address root; timeout the seconds an
    answer may take.
    Raises OCSError if the hub cannot be reached or does not know the agent. Reads no command line, and of the
    environment only the location of credentials: OCS_CREDENTIALS, or the state folder of the account that
    runs the hub.
    """

    def __init__(self, instance_id: str, hub: str = HUB, root: str = 'observatory', timeout: float = 5.0) -> None:
        self.instance_id = instance_id
        self._connection = _Connection(instance_id, hub, root, timeout)
        for name, spec in self._connection.api['ops'].items():
            setattr(self, name.replace('-', '_'), Operation(self._connection, name, spec))

    def __getattr__(self, name: str) -> Operation:
        has = ', '.join(self.__dict__.get('_connection') and self._connection.api['ops'] or [])
        raise AttributeError(f'{self.__dict__.get("instance_id")} has no operation {name!r} (it has: {has})')

    def close(self) -> None:
        """Disconnects from the hub."""
        self._connection.close()

    def __enter__(self) -> OCSClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without this user
        return 'unknown'


def _no_delay(sock: Any) -> None:
    inner = getattr(sock, '_socket', sock)  # paho wraps that of a WebSocket
    inner.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _plain(value: Any) -> Any:
    """Numbers and arrays of numpy as Python's own."""
    if hasattr(value, 'tolist'):
        return value.tolist()
    raise TypeError(f'{type(value).__name__} is nothing that JSON holds')


def _numbers(data: Any) -> Any:
    """Session data with the numbers that travel as text (NaN, infinities, minus zero) as floats again."""
    if isinstance(data, dict):
        return {key: _numbers(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_numbers(value) for value in data]
    return float(data) if data in ('NaN', 'Infinity', '-Infinity', '-0') else data
