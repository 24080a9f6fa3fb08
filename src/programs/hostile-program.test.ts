/**
 * Programs that are broken or hostile: each fault is reported in one clear line, and neither the runtime nor
 * the rows already sent are affected.
 */
import { afterAll, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startAgent } from '../../test/running-agent.ts'
import { Program } from './program.ts'
import { programAgent } from './program-agent.ts'

const folder = mkdtempSync('/tmp/ocs-test-')
afterAll(() => rmSync(folder, { recursive: true }))

/** The common start: `say` writes a line, `row` is one of the feed `good`. */
const PRELUDE = `
import json, os, sys, time
write = sys.stdout.write
def say(line): write((line if isinstance(line, str) else json.dumps(line)) + '\\n')
def row(number, value=1, **more):
    say(dict({'row': number, 'feed': 'good', 'block': 'b', 't': [number], 'data': {'n': [value]}, 'types': {'n': 'int'}}, **more))
def hello(): say({'hello': {'agent_class': 'TestAgent', 'ops': {'go': {'kind': 'process'}}, 'feeds': {'good': {'record': True}}}})
`
/** What a faultless program does: it ends when its runtime does. */
const WAITS = `
sys.stdout.flush()
for line in sys.stdin:
    if 'end' in line: break
    print('read ' + line.strip(), file=sys.stderr, flush=True)
`
function program(text: string): { words: string[] } {
  const file = join(folder, `${crypto.randomUUID()}.py`)
  writeFileSync(file, PRELUDE + text)
  return { words: ['python3', file] }
}

/** Runs a program; `said` holds its standard error. */
async function run(text: string) {
  const command = program(text)
  const said: string[] = []
  let look = () => {}
  const first = await Program.start(command, (line) => {
    said.push(line)
    look()
  })
  const agent = await startAgent(
    programAgent('TestAgent', () => command, first),
    {},
  )
  /** Resolves once the program has read a line that contains a text. */
  const read = (wanted: string) =>
    new Promise<void>((resolve) => {
      look = () => {
        if (said.some((line) => line.startsWith('read ') && line.includes(wanted))) resolve()
      }
      look()
    })
  return { agent, said, read, first }
}

test.each([
  ['garbage', `for _ in range(1000): say('\\x00\\x01 garbage {')`, /ignored: it is not JSON/],
  ['half a line', `say('{"row": 2, "feed": "go')`, /ignored: it is not JSON/],
  [
    'a literal NaN',
    `say('{"row": 2, "feed": "good", "block": "b", "t": [2], "data": {"n": [NaN]}, "types": {}}')`,
    /ignored/,
  ],
  ['thousands of kinds of lines', `for n in range(3000): say({f'kind{n}': n})`, /ignored/],
  ['a line of 100 MB', `say('x' * 100_000_000)`, /ignored: .*longer than/],
  ['a row of 20 MB', `row(2, 'x' * 20_000_000)`, /ignored: .*longer than/],
  [
    'a million brackets',
    `say('{"feed": "deep", "message": ' + '[' * 1_000_000 + ']' * 1_000_000 + '}')`,
    /left out/,
  ],
  [
    '10,000 brackets in a session',
    `say('{"session": {"op": "go", "session_id": 1, "status": "running", "data": ' + '[' * 10_000 + ']' * 10_000 + '}}')`,
    /./,
  ],
  ['columns of different lengths', `row(2, data={'n': [1, 2, 3]})`, /left out/],
  ['times that are none', `row(2, t=[1e300])`, /clock stepped back/],
  ['a type that is none', `row(2, types={'n': 'complex'})`, /ignored: .*types/],
  ['lone surrogates', `row(2, types={'s': 'string'}, data={'s': ['\\ud800']}, feed='text')`, /./],
  [
    'keys that are those of objects',
    `row(2, data={'__proto__': [1], 'constructor': [2]}, types={'__proto__': 'int', 'constructor': 'int'})`,
    /ignored: a field cannot be named/,
  ],
  [
    'a block and fields that are called as methods are',
    `row(2, block='toString', data={'toString': [1], 'valueOf': [2]}, types={'valueOf': 'int'})`,
    /./,
  ],
  ['a type of a field that does not come', `row(2, types={'n': 'int', 'm': 'int'})`, /^(?!.*ignored)/s],
  [
    'a field that does not come any more',
    `row(2, data={'n': [1], 'm': [1]}, types={'n': 'int', 'm': 'int'})`,
    /^(?!.*ignored)/s,
  ],
  [
    'sessions of an operation that there is not',
    `for n in range(3000): say({'session': {'op': f'op{n}', 'session_id': 1, 'status': 'running'}})`,
    /ignored: .*no operation/,
  ],
  ['answers that nobody asked for', `say({'id': 99, 'status': 0, 'msg': 'yes'})`, /./],
  [
    'thousands of feeds',
    `for n in range(3000): say({'feed': f'f{n}', 'declared': {'record': True}}); row(n + 2, feed=f'f{n}')`,
    /ignored: .*feeds/,
  ],
  [
    'thousands of calls',
    `for n in range(3000): say({'call': n, 'procedure': 'observatory.nobody', 'args': ['get_api']})`,
    /./,
  ],
  [
    'thousands of subscriptions',
    `for n in range(3000): say({'subscribe': n, 'topic': f'observatory.a{n}.feeds.f'})`,
    /ignored: there are 1000 subscriptions/,
  ],
  [
    'a literal NaN for a time, number first',
    `say('{"row": 2, "feed": "good", "block": "b", "t": [NaN], "data": {}, "types": {}}')`,
    /ignored: it is not JSON/,
  ],
  ['a row out of order', `row(1_000_000); row(3)`, /./],
])('%s', async (_, text, told) => {
  const { agent, read } = await run(`hello()\nrow(1)\n${text}\nrow(9000, 77, t=[9e8])${WAITS}`)
  await using _agent = agent
  // Later lines are taken and answered, and earlier rows are there.
  await agent.until(() => agent.column('n').includes(77))
  await read('"rows":9000')
  expect(agent.column('n')[0]).toBe(1)
  expect(agent.log.join('\n')).toMatch(told)
  expect(agent.log.length).toBeLessThan(150)
  expect(({} as { type?: unknown }).type).toBeUndefined()
})

test.each([
  [
    'writes no JSON and ends',
    `say('hello?'); write.__self__.flush(); sys.exit(0)`,
    'the program has ended (exit code 0)',
  ],
  ['ends at once, with nothing wrong', `sys.exit(0)`, 'the program has ended (exit code 0)'],
  [
    'says what it is in a way that is none',
    `say({'hello': {'agent_class': 7}})\n${WAITS}`,
    'invalid: hello.agent_class',
  ],
  [
    'writes much before it says what it is',
    `for _ in range(5000): say({'noise': 1})\n${WAITS}`,
    'before its declaration',
  ],
  ['closes its output at once', `os.close(1)\nfor line in sys.stdin: pass`, 'closed its standard output'],
  [
    'writes without an end',
    `write('x' * 20_000_000)\nsys.stdout.flush()\nos.close(1)\nsys.stdin.read()`,
    'closed its standard output',
  ],
])('a program that %s does not come up, and is gone', async (_, text, why) => {
  const pids: number[] = []
  const error = await Program.start(
    program(`print('pid', os.getpid(), file=sys.stderr, flush=True)\n${text}`),
    (line) => {
      if (line.startsWith('pid ')) pids.push(Number(line.slice(4)))
    },
  ).catch((thrown: unknown) => thrown)
  expect(String(error)).toContain(why)
  await gone(pids[0] ?? Number.NaN)
})

/** Resolves once the process does not exist. */
async function gone(pid: number): Promise<void> {
  while (existsSync(`/proc/${pid}`) && !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z '))
    await new Promise(setImmediate)
}

test.each([
  ['closes its output', `os.close(1)\n${WAITS}`, 'closed its standard output'],
  ['ends with 0', `sys.exit(0)`, 'exit code 0'],
  [
    'ends, and leaves one that holds its pipes',
    `
sys.stdout.flush()
ends, held = os.pipe()
if os.fork() == 0:
    os.close(held)
    os.read(ends, 1)
    row(2, 13, t=[9e8]); sys.stdout.flush()
    sys.stdin.read()
print('fork', os.getpid(), file=sys.stderr, flush=True)
os._exit(0)`,
    'exit code 0',
  ],
])('one that %s is told, degraded and started again', async (_, text, why) => {
  const { agent } = await run(`
again = os.path.exists(__file__ + '.again')
open(__file__ + '.again', 'w').close()
hello()
row(1, 7 if again else 1)
if not again:
    sys.stdout.flush()
    sys.stdin.readline()
    for line in ({'id': 1, 'status': 0, 'msg': 'Started.'}, {'session': {'op': 'go', 'session_id': 1, 'status': 'running'}}): say(line)
    sys.stdout.flush()
    sys.stdin.readline()
${text.replaceAll(/^/gm, '    ')}
${WAITS}`)
  await using _agent = agent
  await agent.until(() => agent.column('n').includes(1))
  await agent.begin('go')
  await agent.until(() => agent.session('go')?.degraded === true)
  await agent.until(() => agent.column('n').includes(7))
  const rows = agent.rows.length
  expect(agent.log.some((line) => line.includes(why))).toBeTrue()
  await agent.until(() => agent.log.some((line) => line.includes('read ') && line.includes('"start"')))
  expect(agent.rows.length).toBe(rows)
})

test('of a program that writes more rows than are answered no more is read, and then all of it', async () => {
  // The program itself reports when it cannot go on.
  const command = program(`import threading
hello()
written = 0
done = threading.Event()
def watch():
    before = -1
    while written < 40:
        done.wait(0.2)
        if written == before: print('stuck', file=sys.stderr, flush=True)
        before = written
threading.Thread(target=watch, daemon=True).start()
for n in range(1, 41):
    row(n, data={'s': ['x' * 1_000_000]}, types={'s': 'string'})
    written = n
${WAITS}`)
  const all = Promise.withResolvers<void>()
  const stuckAt: number[] = []
  let last = 0
  const first = await Program.start(command, (text) => {
    if (text !== 'stuck') return
    stuckAt.push(last)
    first.answer(last)
  })
  first.listen({
    log: () => {},
    line(line) {
      if ('row' in line) last = line.row
      if (last === 40) all.resolve()
    },
  })
  await all.promise
  expect(stuckAt.length).toBeGreaterThan(4)
  expect(stuckAt[0]).toBeLessThan(7)
  await first.close()
})
