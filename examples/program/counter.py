"""A program that is an agent of ocs: it counts. Lines of JSON on stdin and stdout; the contract is in docs/protocol.md."""
import json
import sys
import threading
import time

lock, running, rows, sessions = threading.Lock(), threading.Event(), 0, 0


def say(**line):
    with lock:
        print(json.dumps(line), flush=True)


def session(op, number, status, success=None, messages=(), **data):
    say(session=dict(op=op, session_id=number, status=status, success=success, messages=list(messages), data=data))


def count(number, step):
    global rows
    session('count', number, 'running')
    n = 0
    while running.is_set():
        n, rows = n + step, rows + 1
        say(row=rows, feed='counts', block='count', t=[time.time()], data={'n': [n]}, types={'n': 'int'})
        time.sleep(0.1)
    session('count', number, 'done', True, [f'counted to {n}'], n=n)


say(hello={'agent_class': 'CounterAgent', 'help': 'Counts.', 'feeds': {'counts': {'record': True}}, 'ops': {
    'count': {'kind': 'process', 'help': 'Count.', 'params': {'step': {'type': 'integer', 'default': 1}}}}})
for line in sys.stdin:
    request = json.loads(line)
    if request.get('do') == 'start':
        sessions += 1
        running.set()
        say(id=request['id'], status=0, msg='Started.')
        threading.Thread(target=count, args=(sessions, request['params']['step'])).start()
    elif request.get('do') == 'stop':
        say(id=request['id'], status=0, msg='Stopping.')
    if request.get('do') in ('stop', 'end'):
        running.clear()
    if request.get('do') == 'end':
        break
