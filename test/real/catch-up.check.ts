/**
 * A recorder that was away for 10 minutes, with 20 agents at 10 Hz, all on this machine: the rows of that
 * time are put into their spools beforehand, and more are added while the recorder catches up. `OCS_AWAY_S`
 * sets another length, s.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Spool } from '../../src/runtime/spool/spool.ts'
import { DemoLab } from './demo-lab.ts'
import { Listener, split, subscriber } from './listener.ts'
import { declaration, FEED, nameOf, values } from './many-rows.ts'
import { figure, Lab, ROOT, type Running, since, until } from './roles.ts'

const AGENTS = 20
const HERTZ = 10
const SESSION = 'observatory/aggregator/ops/record/session'
const AWAY = Number(process.env['OCS_AWAY_S'] ?? 600)
setDefaultTimeout(320_000 + 100 * AWAY)

/** Fills an agent's spool with the rows it read while the recorder was away. */
async function fill(path: string): Promise<void> {
  const spool = new Spool(path)
  const begin = Date.now() / 1000 - AWAY
  for (let n = 0; n < AWAY * HERTZ; n++) {
    const data = Object.fromEntries(Object.entries(values(n)).map(([name, value]) => [name, [value]]))
    spool.append(FEED, declaration, { epoch: 'away', block: 'temps', t: [begin + n / HERTZ], data })
  }
  await spool.flush()
  await spool.close()
}

/**
 * Whether the recorder has synced all but the last second of every agent, according to its session, once a
 * second.
 */
function caughtUp(sessions: Running): boolean {
  const [, text] = split(sessions.lines.at(-1)?.text ?? '')
  const { data } = JSON.parse(text || '{}') as {
    data?: { behind: number; providers: Record<string, { sessid: string; seq: number; recorded: number }> }
  }
  const live = Object.values(data?.providers ?? {}).filter(({ sessid }) => sessid !== 'away')
  return (
    live.length === AGENTS &&
    (data?.behind ?? Infinity) <= AGENTS * HERTZ &&
    live.every(({ seq, recorded }) => seq - recorded <= HERTZ)
  )
}

/** Processor time of a process, s. */
function cpu(pid: number): number {
  const [, rest = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
  const [user = 0, system = 0] = rest.split(' ').slice(11, 13).map(Number)
  return (user + system) / 100
}

test(`${AGENTS} agents at ${HERTZ} Hz, ${AWAY} s without a recorder: caught up, none lost, live meanwhile`, async () => {
  await using lab = new Lab()
  for (let i = 0; i < AGENTS; i++) await fill(lab.path('state', 'observatory', `${nameOf(i)}.sqlite`))
  const hub = await lab.hub()
  const many = [process.execPath, join(ROOT, 'test', 'real', 'many-agents.ts')]
  const agents = lab.program('agents', [...many, lab.path('state'), String(AGENTS), String(HERTZ)])
  await agents.says('all run', 60)
  const listener = await Listener.open(lab)
  const demo = new DemoLab(lab)
  const recorder = demo.aggregator('--frame-length', '0.2', '--record-unknown')
  await recorder.says('recording to ', 60)
  const begun = performance.now()
  const sessions = lab.program('session', subscriber('session', SESSION, '%t %p'))
  const all = [recorder, hub, agents]
  const before = all.map(({ pid }) => cpu(pid))
  const kept = AWAY * HERTZ * AGENTS
  await until('the recorder has caught up', 240, () => caughtUp(sessions))
  const took = since(begun)
  const used = all.map(({ pid }, at) => (cpu(pid) - (before[at] ?? 0)).toFixed(1))

  // The live view meanwhile: the delay from a reading to its arrival at another client.
  const lags = listener.rows
    .filter(({ at }) => at > begun)
    .map(({ at, row }) => performance.timeOrigin + at - 1000 * (row.t[0] ?? 0))
    .sort((a, b) => a - b)
  const [middle = 0, late = 0] = [lags[Math.floor(lags.length / 2)], lags[Math.floor(lags.length * 0.99)]]
  expect(lags.length).toBeGreaterThan(AGENTS * HERTZ * took * 0.5)

  expect(await agents.stop()).toMatchObject({ code: 0 })
  expect(await recorder.stop()).toMatchObject({ code: 0 })
  const { out, code } = await lab.run(['audit', '--data-dir', demo.dataDir, '--json'], {}, 120)
  expect(code).toBe(0)
  const { epochs } = JSON.parse(out) as { epochs: { epoch: string; recorded: number; gaps: unknown[] }[] }
  const away = epochs.filter(({ epoch }) => epoch === 'away')
  expect(away.map(({ recorded }) => recorded)).toEqual(Array(AGENTS).fill(AWAY * HERTZ))
  expect(epochs.flatMap(({ gaps }) => gaps)).toEqual([])
  figure(
    `${kept} rows of ${AGENTS} agents and ${AWAY} s recorded in ${took.toFixed(1)} s, ${(AWAY / took).toFixed(0)} × real time, none lost, none doubled`,
  )
  figure(`processor time: recorder ${used[0]} s, hub ${used[1]} s, all agents ${used[2]} s`)
  figure(`live rows meanwhile: half within ${middle.toFixed(0)} ms, 99 of 100 within ${late.toFixed(0)} ms`)
  // How fast depends on the machine, which runs the agents here as well: the figure is above.
  expect(took).toBeLessThan(AWAY / 10)
  expect(late).toBeLessThan(2000)
})
