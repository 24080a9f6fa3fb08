"""The messages of OCS's feeds, as rows and messages for the runtime."""
from . import describe
from .values import plain, type_of, wires


class Feeds:
    """The feeds of one agent; describes a feed to the runtime before its first message."""

    def __init__(self, pipe):
        self._pipe = pipe
        self._kinds = {}
        self._types = {}
        self._tags = {}

    def declare(self, feeds):
        """
        The description of feeds for the runtime, which knows them from then on: {name: (record, agg_params)}.
        """
        told = {name: describe.feed_of(*feed) for name, feed in feeds.items()}
        self._kinds.update(told)
        return told

    def publish(self, message, about):
        """
        Publishes the blocks of a recorded feed, or the message of another, with OCS's description of the
        feed.
        """
        name = about['feed_name']
        if name == 'heartbeat':
            return
        if name not in self._kinds:
            told = self.declare({name: (about['record'], about['agg_params'])})
            self._pipe.declare(feed=name, declared=told[name])
        if not about['record']:
            self._pipe.send(feed=name, message=plain(message))
            return
        for block in message.values():
            self._hand_over(name, block)

    def _hand_over(self, feed, block):
        types = {}
        for field, values in block['data'].items():
            key = (feed, block['block_name'], field)
            kind = type_of(values)
            # A column that has been double stays double when whole numbers come.
            if kind == 'int' and self._types.get(key) == 'double':
                kind = 'double'
            self._types[key] = types[field] = kind
        data = {field: wires(types[field], values) for field, values in block['data'].items()}
        self._pipe.hand_over(feed=feed, block=block['block_name'], t=list(map(float, block['timestamps'])),
                             data=data, types=types, **self._new_tags(feed, block))

    def _new_tags(self, feed, block):
        """The tags of a block for InfluxDB, if they have changed."""
        key, tags = (feed, block['block_name']), block.get('influxdb_tags')
        # The stored tags are a copy, in plain types; most are equal to the original.
        if tags is None or self._tags.get(key) == tags:
            return {}
        self._tags[key] = plain(tags)
        return {'tags': self._tags[key]}
