/**
 * As many agents as an observatory has, on one machine: 500 at 1 Hz and 20 at 100 Hz, each with its own spool
 * and connection, in nine processes; and 40 in a process each. Broker and recorder are killed under that
 * load. The cost is printed; losses and duplicates fail. `OCS_BROKER=mosquitto` for another broker;
 * `SCALE_SECONDS` sets the measured time.
 */
import { setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { figure, ROOT, since } from './roles.ts'
import { BROKER_URL, ScaleLab } from './scale-lab.ts'

const SECONDS = Number(process.env['SCALE_SECONDS'] ?? 20)
setDefaultTimeout(1_500_000 + 4000 * SECONDS)

const BROKER = process.env['OCS_BROKER'] ?? 'ocs hub'
/**
 * Processes of agents: how many agents each has, and how often these read, Hz; at 100 Hz a row holds ten
 * samples.
 */
const SLOW = Array.from({ length: 8 }, (_, n) => ({ count: n < 4 ? 63 : 62, hertz: 1 }))
const GROUPS = [...SLOW, { count: 20, hertz: 100 }]
const AGENTS = GROUPS.reduce((sum, { count }) => sum + count, 0)
const SAMPLES = GROUPS.reduce((sum, { count, hertz }) => sum + count * hertz, 0)
/** Agents in a process each. */
const PROCESSES = 40
/** Busy loops that run beside the lab. */
const BUSY = Number(process.env['SCALE_BUSY'] ?? 0)

test(`${AGENTS} agents, ${SAMPLES} samples a second, in ${GROUPS.length} processes: none lost, none doubled`, async () => {
  await using many = new ScaleLab(AGENTS)
  figure(`on ${BROKER}${BUSY > 0 ? `, beside ${BUSY} busy loops` : ''}`)
  for (let n = 0; n < BUSY; n++) many.lab.program(`busy-${n}`, ['sh', '-c', 'while :; do :; done'])
  await many.begin()
  const start = performance.now()
  const program = [process.execPath, join(ROOT, 'test', 'real', 'many-agents.ts'), many.lab.path('state')]
  const agents = GROUPS.map(({ count, hertz }, n) =>
    many.lab.program(`agents-${n}`, [...program, String(count), String(hertz), BROKER_URL, `many${n}-`]),
  )
  many.groups.set('1 Hz', agents.slice(0, -1))
  many.groups.set('100 Hz', agents.slice(-1))
  await Promise.all(agents.map((one) => one.says('all run', 60)))
  figure(`${AGENTS} agents started within ${since(start).toFixed(1)} s`)
  await many.recordedAnew()
  figure(`all of them are recorded ${since(start).toFixed(1)} s after their start`)
  await many.measure(SECONDS)
  await many.kill()
  await many.judge()
})

test(`${PROCESSES} agents that are processes of their own: none lost, none doubled`, async () => {
  await using many = new ScaleLab(PROCESSES)
  const { lab } = many
  figure(`on ${BROKER}`)
  const names = Array.from({ length: PROCESSES }, (_, n) => `fake${n}`)
  const args = '[--mode, acq, --num-channels, 8]'
  const site = lab.site(
    ...names.map((id) => `agent-class: FakeDataAgent, instance-id: ${id}, arguments: ${args}`),
  )
  await many.begin()
  const start = performance.now()
  const log = ['--log-dir', lab.path('log')]
  const agents = names.map((id) => lab.start(id, ['agent', '--instance-id', id, ...site, ...log]))
  many.groups.set('agents', agents)
  await Promise.all(agents.map((one) => one.says('session joined', 120)))
  figure(`${PROCESSES} processes joined within ${since(start).toFixed(1)} s`)
  await many.recordedAnew()
  await many.measure(SECONDS)
  await many.kill()
  await many.judge()
})
