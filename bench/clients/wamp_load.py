"""Publishes or receives feed messages over WAMP, as OCS's feeds do: wamp_load.py pub|sub URL TOPIC ACK CONNECTIONS.

Says "ready"; then, for each line {"messages": N, "hertz": H} of its input, one line of JSON.
"""
import sys
import time

from autobahn.twisted.util import sleep
from autobahn.wamp.types import PublishOptions
from twisted.internet import defer, task

from wamp_orders import serve

mode, url, topic, acknowledge, connections = sys.argv[1:6]
acknowledge, connections = acknowledge == '1', int(connections)
WINDOW = 200
PATIENCE = 20.0
CHANNELS = ['Channel_%d_T' % (i + 1) for i in range(8)]
FEED = {
    'agent_address': 'observatory.feeder', 'agg_params': {'frame_length': 300}, 'feed_name': 'temperatures',
    'address': topic, 'record': True, 'session_id': '1700000000.0', 'agent_class': 'FakeDataAgent',
}
sessions = []


def message(seq, now):
    data = {name: [10 + ((seq * 7 + at + i) % 89) + 0.12345678901 for i in range(3)]
            for at, name in enumerate(CHANNELS)}
    block = {'block_name': 'temps', 'data': data, 'timestamps': [now, now + .1, now + .2]}
    return {'temps': block}, FEED


class Publisher:
    seq = 0

    @defer.inlineCallbacks
    def act(self, messages, hertz):
        session, begun = sessions[0], time.time()
        gate = defer.DeferredSemaphore(WINDOW)
        waiting = []
        for i in range(messages):
            self.seq += 1
            if hertz:
                wait = begun + i / hertz - time.time()
                if wait > 0:
                    yield sleep(wait)
            if acknowledge:
                yield gate.acquire()
                sent = session.publish(topic, message(self.seq, time.time()), options=PublishOptions(acknowledge=True))
                sent.addBoth(lambda result: gate.release())
                waiting.append(sent)
            else:
                session.publish(topic, message(self.seq, time.time()))
                # Unless the reactor runs, nothing is written.
                if not hertz and i % 50 == 49:
                    yield sleep(0)
        yield defer.DeferredList(waiting)
        return {'sent': messages, 'begun': 1000 * begun, 'took': 1000 * (time.time() - begun)}


class Subscriber:
    done = None

    def came(self, sent):
        now = time.time()
        if self.done is None:
            return
        blocks, _ = sent
        if self.count == 0:
            self.first = now
        self.last, self.count = now, self.count + 1
        if self.hertz:
            self.lags.append(1000 * (now - blocks['temps']['timestamps'][0]))
        if self.count == self.wanted:
            self.finish()

    def act(self, messages, hertz):
        self.wanted, self.hertz, self.count, self.lags = messages * connections, hertz, 0, []
        self.first = self.last = time.time()
        self.done = defer.Deferred()
        self.watch = task.LoopingCall(self.look)
        self.watch.start(0.1)
        return self.done

    def look(self):
        if time.time() - self.last > PATIENCE:
            self.finish()

    def finish(self):
        done, self.done = self.done, None
        if done is not None:
            self.watch.stop()
            done.callback({'count': self.count, 'first': 1000 * self.first, 'last': 1000 * self.last, 'lags': self.lags})


actor = Publisher() if mode == 'pub' else Subscriber()


def join(session):
    sessions.append(session)
    return session.subscribe(actor.came, topic) if mode == 'sub' else None


serve(url, join, actor.act, connections)
