"""OCS's own publishers of InfluxDB, unmodified, given messages of feeds: publisher.py v1|v2 line|json PORT DATABASE FILE"""
import json
import queue
import sys

version, protocol, port, database, path = sys.argv[1:]
waiting = queue.Queue()
with open(path) as file:
    for data, feed in json.load(file):
        waiting.put((data, feed))

if version == 'v1':
    from ocs.agents.influxdb_publisher.drivers import Publisher
    publisher = Publisher('127.0.0.1', database, waiting, port=int(port), protocol=protocol)
else:
    from ocs.agents.influxdb_publisher_v2.drivers import Publisher
    publisher = Publisher(waiting, protocol=protocol)
publisher.run()
if version == 'v2':
    # It writes in the background, and its agent never ends it.
    publisher.write_client.close()
