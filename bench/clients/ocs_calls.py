"""Asks an agent's operation for its status by OCSClient: ocs_calls.py SITE_FILE INSTANCE OP.

Says "ready"; then, for each line {"calls": N, "inFlight": K} of its input, one line of JSON.
"""
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from ocs.ocs_client import OCSClient

site, instance, op = sys.argv[1:4]
args = ['--site-file', site, '--site-host', 'localhost']


def call(client):
    begun = time.perf_counter()
    reply = getattr(client, op).status()
    return 1000 * (time.perf_counter() - begun), reply.status == 0 and reply.session.get('op_name') == op


def share(client, count):
    return [call(client) for _ in range(count)]


clients = [OCSClient(instance, args=args) for _ in range(16)]
print('"ready"', flush=True)
for line in sys.stdin:
    order = json.loads(line)
    calls, width = order['calls'], order['inFlight']
    begun = time.perf_counter()
    if width == 1:
        done = share(clients[0], calls)
    else:
        with ThreadPoolExecutor(width) as pool:
            parts = pool.map(share, clients[:width], [calls // width] * width)
            done = [one for part in parts for one in part]
    took = 1000 * (time.perf_counter() - begun)
    print(json.dumps({'took': took, 'lags': [lag for lag, _ in done], 'good': sum(good for _, good in done)}), flush=True)
