"""Counts the values that feeds of OCS publish: feed_values.py URL TOPIC...

Says "ready"; then, for each line of its input, one line of JSON: the values (fields times samples) of each topic so far.
"""
import sys

from twisted.internet import defer

from wamp_orders import serve

url, *topics = sys.argv[1:]
counts = dict.fromkeys(topics, 0)


def counter(topic):
    def came(message):
        blocks, _ = message
        counts[topic] += sum(len(column) for block in blocks.values() for column in block['data'].values())
    return came


def subscribe(session):
    return defer.gatherResults([session.subscribe(counter(topic), topic) for topic in topics])


serve(url, subscribe, lambda: counts)
