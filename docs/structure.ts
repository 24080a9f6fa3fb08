/**
 * `$BUN docs/structure.ts` prints how large the program is and how many of its files one thing goes through: a reading from
 * its instrument to the synced `.g3` file, a row to a panel, a command to its operation. It takes nothing for granted but
 * the command line and what roles say, so that a reorganisation can be measured by it before and after. It takes about a minute.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { filesDue } from './structure/due.ts'
import { rooms } from './structure/lines.ts'
import { Process } from './structure/process.ts'

/** Seconds of watching with the act, and without it: longer, so that what beats now and then beats there, too. */
const [BUSY, IDLE] = [10, 13]
/** Times that the act has to be done meanwhile, so that half of them are surely more than what is done once a second. */
const LEAST = 2 * (BUSY + 2)
/** Readings a second; the recorder syncs each in a frame of its own. */
const HERTZ = 5
const COMMANDS = 30

const print = (text: string) => void process.stdout.write(`${text}\n`)

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => new Promise((done) => server.once('listening', done))))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  for (const server of servers) server.close()
  return ports
}

/** Counts what `act` makes each process execute; `act` returns how often the thing was done. */
async function watch(
  processes: readonly Process[],
  idle: () => Promise<unknown>,
  begin: () => Promise<unknown>,
  act: () => Promise<number>,
): Promise<{ readonly times: number; readonly due: ReadonlyMap<Process, Set<string>> }> {
  const lookAll = () => Promise.all(processes.map((one) => one.look()))
  const timed = async <T>(work: () => Promise<T>) => {
    const begun = performance.now()
    return [await work(), (performance.now() - begun) / 1000] as const
  }
  await lookAll()
  const [, idled] = await timed(idle)
  const without = await lookAll()
  await begin()
  await lookAll()
  const [times, took] = await timed(act)
  const done = await lookAll()
  if (took > idled)
    throw new Error(`${took.toFixed(1)} s with the act, ${idled.toFixed(1)} s without: too slow to tell`)
  if (times < LEAST) throw new Error(`only ${times} times: the machine is too busy to tell`)
  // Half as often as the thing itself: what an operation does once a second stays out, such as telling its state.
  const due = processes.map(
    (one, i) => [one, filesDue(without[i] ?? [], done[i] ?? [], Math.ceil(times / 2))] as const,
  )
  return { times, due: new Map(due) }
}

/** The files of some processes by folder, and how many they are. */
function tell(title: string, due: ReadonlyMap<Process, Set<string>>, processes: readonly Process[]): void {
  const of = processes.map((one) => [one.name, due.get(one) ?? new Set<string>()] as const)
  const all = [...new Set(of.flatMap(([, files]) => [...files]))].sort()
  print(`\n${title}: ${all.length} files (${of.map(([name, { size }]) => `${name} ${size}`).join(', ')})`)
  for (const [folder, files = []] of Map.groupBy(all, dirname))
    print(`  ${folder} (${files.length}): ${files.map((file) => basename(file)).join(' ')}`)
}

const sizes = rooms(join(import.meta.dir, '..'))
print('Lines of code (.ts beneath src; without comments, blank lines, *.test.ts and *.test-aid.ts):')
for (const [room, { files, lines }] of sizes)
  print(`  ${room.padEnd(24)}${String(files).padStart(4)} files${String(lines).padStart(7)} lines`)
const [files, lines] = (['files', 'lines'] as const).map((key) =>
  [...sizes.values()].reduce((sum, size) => sum + size[key], 0),
)
print(`  ${'all'.padEnd(24)}${String(files).padStart(4)} files${String(lines).padStart(7)} lines`)

using stack = new DisposableStack()
const dir = mkdtempSync(join(tmpdir(), 'ocs-structure-'))
stack.defer(() => rmSync(dir, { recursive: true, force: true }))
const [mqtt = 0, ws = 0, http = 0] = await freePorts(3)
const instances = {
  ls240: [
    'Lakeshore240Agent',
    ['--port', join(dir, 'tty')],
    ['--sampling-frequency', HERTZ],
    ['--mode', 'idle'],
  ],
  recorder: ['AggregatorAgent', ['--data-dir', join(dir, 'data')], ['--frame-length', 0.05]],
  node: ['ThermometryDataNode', ['--target', 'ls240'], ['--name', 'LS']],
  fake: ['FakeDataAgent'],
} as const
const site = {
  hub: { mqtt_server: `mqtt://127.0.0.1:${mqtt}`, wamp_server: `ws://127.0.0.1:${ws}/ws` },
  hosts: {
    lab: {
      'agent-instances': Object.entries(instances).map(([id, [kind, ...args]]) => ({
        'agent-class': kind,
        'instance-id': id,
        arguments: args.map(([flag, value]) => [flag, String(value)]),
      })),
    },
  },
}
const siteFile = join(dir, 'site.yaml')
writeFileSync(siteFile, JSON.stringify(site))
const SITE = ['--site-file', siteFile, '--site-host', 'lab']
const start = (name: string, ...argv: string[]) => stack.use(new Process(name, dir, argv))
const agent = (id: keyof typeof instances) => start(id, 'agent', '--instance-id', id, ...SITE)

const hub = start('hub', 'hub', ...SITE)
await hub.says('listening on ws')
const sim = start('simulator', 'sim', 'lakeshore240', '--serial-number', 'LSA1', '--pty', join(dir, 'tty'))
await sim.says('LSA1 at ')
const [ls240, recorder, node, fake] = [agent('ls240'), agent('recorder'), agent('node'), agent('fake')]
const bridge = start('bridge', 'bridge', '--listen', `127.0.0.1:${http}`, ...SITE)
await bridge.says('listening on')
for (const one of [ls240, recorder, node, fake]) await one.says('transport connected')
const ctrl = stack.use(new Process('ctrl', dir))

/** What a panel asks; whether there was anything to draw. */
async function panel(): Promise<boolean> {
  const at = (ago: number) => new Date(Date.now() - ago * 1000).toISOString()
  const body = {
    range: { from: at(60), to: at(0) },
    maxDataPoints: 100,
    targets: [{ target: 'LS::Channel_1_T' }],
  }
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`http://127.0.0.1:${http}/query`, {
    ...{ method: 'POST', headers, body: JSON.stringify(body) },
  })
  const [curve] = answer.ok ? ((await answer.json()) as { datapoints: unknown[] }[]) : []
  return (curve?.datapoints.length ?? 0) > 0
}

const READING = 'Channel_1 '
const reading = await watch(
  [hub, ls240, recorder, node, bridge],
  () => Bun.sleep(IDLE * 1000),
  async () => {
    await ctrl.run('ctrl', 'start', 'ls240', 'acq', ...SITE)
    await ls240.says(READING, ls240.count(READING) + 2 * HERTZ)
    await recorder.says('new file: ')
    while (!(await panel())) await Bun.sleep(100)
  },
  async () => {
    const end = performance.now() + BUSY * 1000
    const before = ls240.count(READING)
    let answered = 0
    while (performance.now() < end) {
      await ls240.says(READING, before + answered + 1)
      if (await panel()) answered++
    }
    return answered
  },
)
const often =
  (times: number) =>
  async (...argv: string[]) => {
    for (let time = 0; time < times; time++) await ctrl.run(...argv)
  }
const START = ['ctrl', 'start', 'fake', 'set_heartbeat']
const command = await watch(
  [hub, ctrl, fake],
  () => Promise.all([Bun.sleep(IDLE * 1000), often(COMMANDS)('ctrl', 'start', '--help')]),
  () => ctrl.run(...START, ...SITE),
  () => often(COMMANDS)(...START, ...SITE).then(() => COMMANDS),
)
tell(`A reading, from the link to the .g3 (${reading.times} readings)`, reading.due, [ls240, recorder])
tell('The same in the hub, with the row’s way to a panel', reading.due, [hub])
tell(`A row, from the bus to a panel (${reading.times} rows and questions)`, reading.due, [node, bridge])
tell(`ocs ctrl start, to its operation (${command.times} commands)`, command.due, [ctrl, fake])
tell('The same in the hub', command.due, [hub])
