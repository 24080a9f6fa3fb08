import { afterAll, beforeAll, expect, test } from 'bun:test'
import { hostname } from 'node:os'
import { z } from 'zod'
import { defineAgent } from '../../core/agent.ts'
import { OpError } from '../../core/errors.ts'
import { commandLab, commandLine, type TestLab } from './ctrl.test-aid.ts'

/** An agent of which every word that is printed is known beforehand. */
const bench = defineAgent({
  class: 'BenchAgent',
  help: 'Stands on a bench.',
  args: z.object({}),
  feeds: {
    temperatures: {
      help: 'Temperatures.',
      record: false,
      blocks: {
        temps: { Channel_1_T: { units: 'K', description: '4K plate' }, Channel_1_V: { units: 'V' } },
      },
    },
  },
  connect: async () => ({}),
})
  .task(
    'ramp',
    {
      help: 'Ramp a heater.',
      params: z.object({
        channel: z.int().min(1).max(8).describe('which heater'),
        rate: z.number().positive().default(0.1).describe('how fast').meta({ units: 'K/min' }),
        timeout: z.number().optional().describe('when to give up').meta({ units: 's' }),
      }),
      min_privs: 2,
    },
    async ({ params, feeds, session, signal }) => {
      feeds.temperatures.publish('temps', 1_700_000_000, { Channel_1_T: 4.2134567, Channel_1_V: 1.62 })
      session.set({ target: params.channel })
      session.log(`heating at ${params.rate} K/min`)
      await new Promise<void>((done) => signal.addEventListener('abort', () => done()))
      throw new OpError('Aborted.')
    },
  )
  .process('acq', { help: 'Publish.' }, async ({ signal }) => {
    await new Promise<void>((done) => signal.addEventListener('abort', () => done()))
  })

let lab: TestLab
beforeAll(async () => {
  lab = await commandLab()
  await lab.start('fake', { mode: 'idle' })
  await lab.start('bench', {}, bench)
})
afterAll(() => lab[Symbol.asyncDispose]())

/** Text with what differs from run to run taken out. */
function plain(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}/g, 'TIME')
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'TIME')
    .replaceAll(/ctrl-[0-9a-f]{8}/g, 'CLIENT')
    .replaceAll(/(\d+ min )?\d+(\.\d)? s(econds)?\b/g, 'N s')
    .replaceAll(`${hostname()}`, 'HOST')
    .replaceAll(`pid ${process.pid}`, 'pid PID')
}
/** What a terminal is sent, with a sign where a line is begun anew. */
function drawn(text: string): string {
  return text.replaceAll('\r\x1b[K', '⟲')
}
test('ls: instances, their state, class and operations', async () => {
  expect(await lab.ocs('ctrl', 'ls')).toEqual({
    code: 0,
    err: '',
    out: `INSTANCE  STATE   CLASS          OPERATIONS
bench     online  BenchAgent     ramp, acq
fake      online  FakeDataAgent  acq, count, set_heartbeat, delay_task
`,
  })
  const { out } = await lab.ocs('ctrl', 'ls', '--json')
  expect(JSON.parse(out)).toContainEqual({
    instance: 'bench',
    state: 'online',
    agent_class: 'BenchAgent',
    ops: ['ramp', 'acq'],
  })
})

test('help of an operation comes from the agent: parameters, ranges, units, defaults', async () => {
  expect(
    (await lab.ocs('ctrl', 'start', 'bench', 'ramp', '--help')).out,
  ).toBe(`Usage: ocs ctrl start bench ramp --channel <integer> [--rate <number>] [--timeout <number>]

Ramp a heater. (task) Takes access level 2 (advanced).

Parameters:
  --channel <integer>  which heater (1 to 8, required)
  --rate <number>      how fast (more than 0, K/min, default 0.1)
  --timeout <number>   when to give up (s)

The command has flags of that name too: write --timeout after "--".
`)
  expect((await lab.ocs('ctrl', 'start', 'bench', '--help')).out).toBe(`bench: BenchAgent. Stands on a bench.

Operations:
  ramp  task     Ramp a heater.
  acq   process  Publish.

The parameters of one: ocs ctrl start bench OP --help
`)
  const { out, code } = await lab.ocs('ctrl', 'start', '--help')
  expect(out).toStartWith('Usage: ocs ctrl start [options] [instance] [op]\n')
  expect(code).toBe(0)
})

test('how the hub was joined is said where it is asked for, and nowhere else', async () => {
  expect((await lab.ocs('ctrl', 'ls')).err).toBe('')
  expect(plain((await lab.ocs('ctrl', 'ls', '-v')).err)).toBe(
    'TIME transport connected\nTIME session joined: CLIENT (realm test_realm, address root observatory)\n',
  )
})

test('a task: started, awaited, its end told by words and exit code', async () => {
  const good = await lab.ocs('ctrl', 'start', 'fake', 'delay_task', '--delay', '0.2', '--wait')
  expect({ ...good, out: plain(good.out), err: plain(good.err) }).toEqual({
    code: 0,
    out: 'Started task "delay_task".\nfake delay_task succeeded after N s: Exited after N s\n',
    err: expect.stringMatching(/^TIME fake delay_task: requested_delay=\S+ +delay_so_far=.*\n$/),
  })
  const bad = await lab.ocs('ctrl', 'start', 'fake', 'delay_task', '--delay', '0', '--succeed', 'so')
  expect(bad).toMatchObject({
    code: 2,
    err: expect.stringContaining('ocs: fake delay_task: --succeed takes one of true, false, given "so"\n'),
  })
  const failed = await lab.ocs(
    'ctrl',
    'start',
    'fake',
    'delay_task',
    '--delay=0',
    '--succeed=false',
    '--wait',
  )
  expect(failed.code).toBe(1)
  expect(plain(failed.err)).toEndWith(
    'ocs: fake delay_task failed after N s: Exited after N s, failed as asked\n',
  )
  const again = await lab.ocs('ctrl', 'wait', 'fake', 'delay_task', '--json')
  expect(again.code).toBe(1)
  expect(JSON.parse(again.out)).toMatchObject({
    status: 0,
    msg: 'Operation "delay_task" is currently not running (FAILED).',
    session: { op_name: 'delay_task', status: 'done', success: false },
  })
})

test('a process: started, stopped and awaited; with --json the whole answer', async () => {
  expect((await lab.ocs('ctrl', 'start', 'bench', 'acq')).out).toBe('Started process "acq".\n')
  const twice = await lab.ocs('ctrl', 'start', 'bench', 'acq', '--json')
  expect(twice.code).toBe(1)
  expect(JSON.parse(twice.out)).toMatchObject({ status: -1, msg: 'Operation "acq" already in progress.' })
  const late = await lab.ocs('ctrl', 'wait', 'bench', 'acq', '--timeout', '0.1')
  expect(late).toMatchObject({
    code: 3,
    out: '',
    err: expect.stringContaining('bench acq is not over after 0.1 s; it goes on: ocs ctrl wait bench acq\n'),
  })
  const wrong = await lab.ocs('ctrl', 'abort', 'bench', 'acq')
  expect(wrong).toMatchObject({
    code: 1,
    err: expect.stringContaining('ocs: bench acq: Cannot abort "acq": it is a process; use stop.\n'),
  })
  const stopped = await lab.ocs('ctrl', 'stop', 'bench', 'acq', '--wait')
  expect([stopped.code, plain(stopped.out)]).toEqual([
    0,
    'Requested stop on process "acq".\nbench acq succeeded after N s\n',
  ])
  const all = await lab.ocs('ctrl', 'stop', '--all')
  expect([all.code, plain(all.err).split('\n').sort()]).toEqual([
    0,
    ['', 'TIME bench: was not acquiring', 'TIME fake: was not acquiring'],
  ])
})

test('an instrument that is not there keeps the others from nothing; all that failed are told', async () => {
  await lab.ocs('ctrl', 'start', 'fake', 'acq')
  const { code, err } = await lab.ocs(
    ...['ctrl', 'stop', '--target=gone', '--target=fake', '--target=also-gone'],
  )
  expect([code, plain(err)]).toEqual([
    3,
    [
      'TIME fake: stopped\n',
      'ocs: gone is not running: start it with ocs agent --instance-id=gone; ',
      'also-gone is not running: start it with ocs agent --instance-id=also-gone\n',
    ].join(''),
  ])
})

test.each([
  [3, ['status', 'bnch'], 'no agent "bnch" is known (did you mean "bench"?)'],
  [3, ['start', 'x1', 'acq'], 'no agent "x1" is known (there are bench, fake)'],
  [2, ['start', 'bench', 'rmap'], 'bench has no operation "rmap": did you mean "ramp"?'],
  [2, ['status', 'bench', 'x'], 'bench has no operation "x": it has ramp, acq'],
  [
    2,
    ['stop', 'bench'],
    'ocs ctrl stop bench: which operation? (ocs ctrl status bench; ocs ctrl stop --target=bench is for its acquisition)',
  ],
  [
    2,
    ['start', 'bench'],
    'ocs ctrl start bench: which operation? (ocs ctrl status bench; ocs ctrl start --target=bench is for its acquisition)',
  ],
  [2, ['start', 'bench', 'ramp'], 'bench ramp needs --channel <integer>'],
  [
    2,
    ['start', 'bench', 'ramp', '--chanel=1'],
    'bench ramp has no parameter --chanel: did you mean --channel?',
  ],
  [2, ['stop', 'bench', 'acq', '--now'], 'ocs ctrl stop does not know --now: ocs ctrl stop --help'],
  [
    2,
    ['wait', 'bench', 'acq', '--timeout', 'soon'],
    '--timeout takes a time such as 90, 10min or 2h, given "soon"',
  ],
  [2, ['stop'], 'which instruments? Name them with --target, or pass --all for every one'],
  [2, ['stop', '--all', '--target=bench'], '--all stops every instrument, --target some: give one of them'],
  [2, ['stop', '--all', 'bench', 'acq'], '--all stops every instrument: do not name others'],
  [2, ['start', '--wait'], '--json, --wait and --timeout are for one operation: ocs ctrl start INSTANCE OP'],
  [1, ['abort', 'bench', 'ramp'], 'bench ramp: No session active.'],
])('exit code %i: ocs ctrl %p', async (code, words, message) => {
  const { err, ...rest } = await lab.ocs('ctrl', ...words)
  expect({ ...rest, said: err.trimEnd().split('\n').at(-1) }).toEqual({
    code,
    out: '',
    said: `ocs: ${message}`,
  })
})

test('a hub that is not there is exit code 3', async () => {
  const line = commandLine(['ctrl', 'ls', '--site-hub', 'mqtt://127.0.0.1:1'])
  expect(await line.code).toBe(3)
  expect(line.err()).toStartWith('ocs: no hub at mqtt://127.0.0.1:1 within 5 s')
})

test('waiting on a terminal: one line is redrawn; Ctrl-C asks once, and yes aborts', async () => {
  const line = lab.begin(['ctrl', 'start', 'bench', 'ramp', '--channel=3', '--wait'], {
    terminal: true,
    columns: 60,
  })
  await line.says('heating at 0.1 K/min')
  expect(plain(drawn(line.err()))).toContain('⟲bench ramp  running  N s  heating at 0.1 K/min  target=3')
  for (const shown of drawn(line.err()).split('⟲').slice(1))
    expect(shown.split('\n')[0]?.length).toBeLessThan(60)
  line.interrupt()
  await line.says('Abort bench ramp? [y/N] ')
  line.input.write('y\n')
  expect(await line.code).toBe(1)
  expect(plain(drawn(line.err()))).toEndWith('⟲ocs: bench ramp failed after N s: Aborted.\n')
})

test('no goes on waiting; the next Ctrl-C leaves the task running', async () => {
  const line = lab.begin(['ctrl', 'start', 'bench', 'ramp', '--channel=3', '--wait'], { terminal: true })
  await line.says('heating at')
  line.interrupt()
  await line.says('[y/N] ')
  line.input.write('\n')
  await line.says('[y/N] \r\x1b[Kbench ramp  running')
  line.interrupt()
  expect(await line.code).toBe(3)
  expect(line.err()).toEndWith('ocs: stopped waiting for bench ramp; it goes on: ocs ctrl wait bench ramp\n')
  expect(await lab.ask.request('bench', 'ramp', 'status')).toMatchObject({ session: { status: 'running' } })
  const twice = lab.begin(['ctrl', 'wait', 'bench', 'ramp'], { terminal: true })
  await twice.says('heating at')
  twice.interrupt()
  twice.interrupt()
  expect(await twice.code).toBe(3)
  const { out } = await lab.ocs('ctrl', 'abort', 'bench', 'ramp')
  expect(out).toBe('Requested abort on task "ramp".\n')
})

test('elsewhere Ctrl-C asks nothing and leaves the task running', async () => {
  const line = lab.begin(['ctrl', 'start', 'bench', 'ramp', '--channel=3', '--wait'])
  await line.says('heating at')
  line.interrupt()
  expect(await line.code).toBe(3)
  expect(line.err()).not.toContain('[y/N]')
  expect(line.err()).not.toContain('\x1b')
  expect(await lab.ask.request('bench', 'ramp', 'status')).toMatchObject({ session: { status: 'running' } })
  await lab.ask.request('bench', 'ramp', 'abort')
})

test('a parameter of the name of a flag is given after --', async () => {
  const { code } = await lab.ocs('ctrl', 'start', 'bench', 'ramp', '--channel=1', '--', '--timeout', '7')
  expect(code).toBe(0)
  await lab.ask.request('bench', 'ramp', 'abort')
  const { session } = await lab.ask.request('bench', 'ramp', 'wait')
  expect((session as { params?: unknown }).params).toMatchObject({ channel: 1, timeout: 7 })
})

test('status of an instance: operations, feeds with units and ages; of an operation: all of its session', async () => {
  const line = lab.begin(['ctrl', 'start', 'bench', 'ramp', '--channel=3', '--wait'])
  await line.says('heating at')
  line.interrupt()
  await line.code
  await lab.ask.request('bench', 'ramp', 'abort')
  await lab.ocs('ctrl', 'wait', 'bench', 'ramp')
  const one = plain((await lab.ocs('ctrl', 'status', 'bench')).out)
  expect(one).toStartWith('bench is online: BenchAgent on HOST, pid PID, since TIME\n\n')
  expect(one).toMatch(/^OPERATION +KIND +STATE +AGE +STARTED BY +LAST MESSAGE$/m)
  expect(one).toMatch(/^ramp +task +failed +N s ago +CLIENT +Aborted\.$/m)
  expect(one).toMatch(/^FEED +FIELD +VALUE +UNITS +AGE +WHAT$/m)
  expect(one).toMatch(/^temperatures +Channel_1_T +4\.21346 +K +\d+ d \d+ h +4K plate$/m)
  expect(one).toMatch(/^temperatures +Channel_1_V +1\.62 +V +\d+ d \d+ h$/m)
  const op = plain((await lab.ocs('ctrl', 'status', 'bench', 'ramp')).out)
  expect(op).toMatch(
    /^bench ramp \(task\): failed\nsession {3}\d+, started by CLIENT\nstarted {3}TIME\nended {5}TIME, after N s\n/,
  )
  expect(op).toContain('data\n  {\n    "target": 3\n  }\nmessages\n  TIME Status is now "starting".\n')
  const [data] = JSON.parse((await lab.ocs('ctrl', 'status', 'bench', '--json')).out)
  expect(data).toMatchObject({
    instance: 'bench',
    state: 'online',
    ops: { ramp: { success: false } },
    last: { temperatures: { Channel_1_T: 4.2134567, timestamp: 1_700_000_000 } },
  })
  expect(JSON.parse((await lab.ocs('ctrl', 'status', 'fake', 'count', '--json')).out)).toEqual({
    instance: 'fake',
    op: 'count',
    state: 'online',
    session: null,
  })
  expect((await lab.ocs('ctrl', 'status', 'fake', 'count')).out).toBe(
    'fake count (process) has not run yet\n',
  )
})

test('an agent that is stopped ends the wait', async () => {
  const agent = await lab.start('brief', {}, bench)
  const line = lab.begin(['ctrl', 'start', 'brief', 'ramp', '--channel=1', '--wait'])
  await line.says('heating at')
  await agent.stop()
  expect(await line.code).toBe(1)
  expect(plain(line.err())).toEndWith('\nocs: brief ramp failed after N s: Aborted.\n')
})

test('who starts a task at a terminal is told how to see its end', async () => {
  const start = async (terminal: boolean, ...more: string[]) => {
    const line = lab.begin(['ctrl', 'start', 'fake', 'delay_task', '--delay=0', ...more], { terminal })
    return { code: await line.code, err: line.err() }
  }
  const hint = /--wait waits for its end, ocs ctrl status fake delay_task shows how it ended\n$/
  expect(await start(true)).toEqual({ code: 0, err: expect.stringMatching(hint) })
  await lab.ocs('ctrl', 'wait', 'fake', 'delay_task')
  expect((await start(false)).err).not.toMatch(hint)
  await lab.ocs('ctrl', 'wait', 'fake', 'delay_task')
  expect((await start(true, '--wait')).err).not.toMatch(hint)
})
