/**
 * Three Python agents in one runtime of `ocs up`, which is killed (-9) repeatedly: answered rows are recorded
 * once, and one of the agents is stopped and started without the others. `KILLS=100` is the long run.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { compare, spooled, unacknowledged } from './archive.ts'
import { type Counted, counted } from './counting.ts'
import { figure, Lab, seconds, until } from './roles.ts'

const PYTHON = process.env['OCS_SOCS_PYTHON'] ?? ''
const KILLS = Number(process.env['KILLS'] ?? 8)
setDefaultTimeout(300_000 + 60_000 * KILLS)
const NAMES = ['counting1', 'counting2', 'counting3']

test('a runtime that three Python agents share is killed: what was answered is recorded once', async () => {
  await using lab = new Lab({ OCS_PYTHON: PYTHON, COUNTING_PAD: '200' })
  const agentFile = join(import.meta.dir, 'counting_agent.py')
  const site = lab.site(
    'instance-id: hm, agent-class: HostManager, manage: ignore',
    'instance-id: aggregator, agent-class: AggregatorAgent, arguments: [--data-dir, data]',
    ...NAMES.map((name) => `instance-id: ${name}, agent-class: CountingAgent, module: ${agentFile}`),
  )
  const up = lab.start('up', ['up', ...site])
  /** For each child that has counted, its last counts: by then that many of its rows were safe. */
  const seen = new Map<string, Map<number, Counted>>(NAMES.map((name) => [name, new Map()]))
  const look = (name: string): Counted | undefined => {
    const now = counted(lab, name)
    if (now && now.pid > 0) seen.get(name)?.set(now.pid, now)
    return now
  }
  const counting = (name: string, after = 0) =>
    until(`${name} counts`, 120, () => {
      const now = look(name)
      return now && now.pid !== after && now.safe - now.left > 5 && now
    })
  const pidOf = async (name: string) => {
    const { roles } = JSON.parse((await lab.run(['ps', '--json', ...site])).out) as {
      roles: { name: string; pid: number | null }[]
    }
    return roles.find((role) => role.name === name)?.pid ?? 0
  }

  const ended: number[] = []
  for (let kill = 0; kill < KILLS; kill++) {
    const before = await Promise.all(NAMES.map((name) => counting(name)))
    const pids = await Promise.all(NAMES.map(pidOf))
    expect(new Set(pids).size, 'they share a runtime').toBe(1)
    await seconds(Math.random())
    for (const name of NAMES) look(name)
    process.kill(pids[0] ?? Number.NaN, 'SIGKILL')
    const killed = performance.now()
    await until('its children have ended', 15, () => before.every(({ pid }) => !existsSync(`/proc/${pid}`)))
    ended.push((performance.now() - killed) / 1000)
    await Promise.all(NAMES.map((name, at) => counting(name, before[at]?.pid)))
  }

  // One of them over the bus, without the others.
  const others = NAMES.slice(1)
  const before = await Promise.all(NAMES.map((name) => counting(name)))
  const ask = (target: string) =>
    lab.run(
      ['ctrl', 'start', 'hm', 'update', '--wait', ...site, '--requests', `["counting1","${target}"]`],
      {},
      60,
    )
  expect(await ask('down')).toMatchObject({ code: 0 })
  await until('it has ended', 20, () => !existsSync(`/proc/${before[0]?.pid}`))
  expect(await pidOf('counting1')).toBe(0)
  expect(await ask('up')).toMatchObject({ code: 0 })
  await counting('counting1', before[0]?.pid)
  expect(others.map((name) => look(name)?.pid)).toEqual(before.slice(1).map(({ pid }) => pid))
  expect(await pidOf('counting1')).toBe(await pidOf('counting2'))

  for (const name of NAMES) {
    const { code, err } = await lab.run(['ctrl', 'stop', name, 'acq', '--wait', ...site], {}, 60)
    expect(code, err).toBe(0)
  }
  await until('everything is recorded', 180, () => unacknowledged(lab.path('state')) === 0)
  await up.stop()

  const kept = spooled(lab.path('state'))
  let answered = 0
  for (const name of NAMES) {
    const numbers = new Map<number, number[]>()
    for (const { row } of kept.filter(({ instance }) => instance === name))
      for (const [at, run] of (row.data['run'] ?? []).entries())
        numbers.set(Number(run), [...(numbers.get(Number(run)) ?? []), Number(row.data['n']?.[at])])
    for (const { pid, safe, left } of seen.get(name)?.values() ?? []) {
      const found = (numbers.get(pid) ?? []).sort((a, b) => a - b)
      const most = Math.max(0, safe - left)
      answered += most
      expect(new Set(found).size, `rows of ${name}, ${pid} are there once`).toBe(found.length)
      expect(found.slice(0, most), `all of ${name}, ${pid} that was answered is there`).toEqual(
        Array.from({ length: most }, (_, at) => at + 1),
      )
    }
  }
  expect(answered).toBeGreaterThan(0)
  figure(
    `${KILLS} kills of the runtime: ${answered} rows answered, all recorded once, of ${kept.length} in all; ` +
      `children had ended within ${Math.max(...ended).toFixed(1)} s`,
  )
  await compare(lab, lab.path('data'), kept)
})
