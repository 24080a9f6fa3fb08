"""Data directories as the field's indexer sees them (sotodlib's hkdb), and one that OCS's own aggregator has written.

    hkdb.py write DIR START COUNT      records COUNT seconds of a sine from unix time START with OCS's Aggregator
    hkdb.py read DIR DB FIELD…         indexes DIR and prints, for each field: name, samples, sum of times, sum of values
"""
import math
import queue
import sys
import time


def write(folder, start, count):
    from ocs.agents.aggregator.drivers import Aggregator

    incoming = queue.Queue()
    aggregator = Aggregator(incoming, 3600, folder)
    feed = {
        "address": "observatory.theirs.feeds.temperatures",
        "agg_params": {"frame_length": 60},
        "session_id": str(time.time()),
    }
    for i in range(count):
        data = {"block_name": "temps", "timestamps": [start + i], "data": {"T": [math.sin(i)]}}
        incoming.put(({"temps": data}, feed))
    aggregator.process_incoming_data()
    aggregator.close()


def read(folder, database, fields):
    from sotodlib.io import hkdb

    config = hkdb.HkConfig(hk_root=folder, db_file=database, show_index_pb=False)
    # Twice, as it runs in the field: by the clock.
    for _ in range(2):
        report = hkdb.update_index_all(config)
        if report["new_files_failed"]:
            raise SystemExit(f"{report['new_files_failed']} files could not be indexed")
    found = hkdb.load_hk(hkdb.LoadSpec(cfg=config, fields=fields, start=0, end=2e9))
    for name in fields:
        times, values = found.data[name]
        print(name, len(times), repr(math.fsum(times)), repr(math.fsum(values)))


if __name__ == "__main__":
    task, folder, *rest = sys.argv[1:]
    if task == "write":
        write(folder, float(rest[0]), int(rest[1]))
    else:
        read(folder, rest[0], rest[1:])
