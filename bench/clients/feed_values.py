"""Counts the values that feeds of OCS publish: feed_values.py URL TOPIC...

Says "ready"; then, for each line of its input, one line of JSON: the values (fields times samples) of each topic so far.
"""
import json
import sys

from autobahn.twisted.wamp import ApplicationRunner, ApplicationSession
from twisted.internet import defer, reactor, stdio
from twisted.protocols.basic import LineReceiver

url, *topics = sys.argv[1:]
counts = dict.fromkeys(topics, 0)


def say(value):
    sys.stdout.write(json.dumps(value) + '\n')
    sys.stdout.flush()


def counter(topic):
    def came(message):
        blocks, _ = message
        counts[topic] += sum(len(column) for block in blocks.values() for column in block['data'].values())
    return came


class Orders(LineReceiver):
    delimiter = b'\n'

    def lineReceived(self, line):
        say(counts)

    def connectionLost(self, reason):
        if reactor.running:
            reactor.stop()


class Session(ApplicationSession):
    @defer.inlineCallbacks
    def onJoin(self, details):
        for topic in topics:
            yield self.subscribe(counter(topic), topic)
        self.orders = stdio.StandardIO(Orders())
        say('ready')


# Unless the reactor is started here, the runner sends what is printed to a log.
ApplicationRunner(url, 'test_realm').run(Session, start_reactor=False)
reactor.run()
