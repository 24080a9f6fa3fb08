"""Orders to WAMP clients that stay: a line of JSON to the input, a line of JSON back. The first line is "ready"."""
import json
import sys

from autobahn.twisted.wamp import ApplicationRunner, ApplicationSession
from twisted.internet import defer, reactor, stdio
from twisted.protocols.basic import LineReceiver


def say(value):
    sys.stdout.write(json.dumps(value) + '\n')
    sys.stdout.flush()


def serve(url, on_join, act, connections=1):
    """
    Connects, and carries out orders until the input ends.

    on_join: called with each session.  act: called with the keys of an order, returns its result. Both may return
    a Deferred.
    """
    joined = []

    class Orders(LineReceiver):
        delimiter = b'\n'

        def lineReceived(self, line):
            defer.maybeDeferred(act, **json.loads(line)).addCallback(say).addErrback(self.failed)

        def failed(self, failure):
            sys.stderr.write(failure.getTraceback())
            reactor.stop()

        def connectionLost(self, reason):
            if reactor.running:
                reactor.stop()

    class Session(ApplicationSession):
        @defer.inlineCallbacks
        def onJoin(self, details):
            yield defer.maybeDeferred(on_join, self)
            joined.append(self)
            if len(joined) == connections:
                self.orders = stdio.StandardIO(Orders())
                say('ready')

    # Unless the reactor is started here, the runner sends what is printed to a log.
    for _ in range(connections):
        ApplicationRunner(url, 'test_realm').run(Session, start_reactor=False)
    reactor.run()
