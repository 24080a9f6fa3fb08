/**
 * A lab of OCS moves here host by host, and back, under load, and so3g reads across the seam. The recording
 * made here is complete: only the time in which an agent was stopped and started is missing. On a busy
 * machine crossbar drops connections, and OCS does not resend: a hole in the data recorded there must be
 * explained by a lost connection in its logs. `INSTANCES=10` is the long run.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { linkSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { filesOf, unacknowledged } from './archive.ts'
import { OcsSite, ROUTER_URL } from './crossbar.ts'
import { figure, Lab, type Running, until } from './roles.ts'

const INSTANCES = Number(process.env['INSTANCES'] ?? 2)
setDefaultTimeout(300_000 + 240_000 * INSTANCES)

const [AGENTS = '', SO3G = ''] = ['SOCS', 'HKDB'].map((name) => process.env[`OCS_${name}_PYTHON`])
const FILE = join(import.meta.dir, 'counting_agent.py')
const names = Array.from({ length: INSTANCES }, (_, i) => `data${i + 1}`)
/** The message about a lost connection to crossbar: of an agent of OCS, and of a gateway. */
const LOST = /transport disconnected|has closed the connection|cannot be reached|is not on ws:/
/** The time of a line, ms; OCS writes whole seconds. */
const STAMP = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:?\d\d)/
const WHOLE_MS = 1000

/** Whether one of these has lost its connection between two times, s. */
function hasLost(logs: readonly Running[], from: number, to: number): boolean {
  return logs.some(({ lines }) =>
    lines.some(({ text }) => {
      const at = Date.parse(STAMP.exec(text)?.[0] ?? '')
      return LOST.test(text) && at + WHOLE_MS > 1000 * from && at < 1000 * to
    }),
  )
}

/** The first host, which moves first, and the second, whose agents stay on crossbar for a while. */
const hosts = [names.slice(0, INSTANCES / 2), names.slice(INSTANCES / 2)] as const

const siteText = (stayers: readonly string[]) => `hub: {mqtt_server: "mqtt://127.0.0.1:1883"}
hosts:
  localhost:
    agent-instances:
      - {instance-id: aggregator, agent-class: AggregatorAgent, arguments: [--data-dir, data]}
${names
  .map((instance) => {
    const how = stayers.includes(instance) ? `crossbar: "${ROUTER_URL}"` : `module: ${FILE}`
    return `      - {instance-id: ${instance}, agent-class: CountingAgent, ${how}}\n`
  })
  .join('')}`

test('a lab moves and moves back: gaps are restarts, and load_range reads across the seam', async () => {
  await using lab = new Lab({ OCS_PYTHON: AGENTS, COUNTING_PAD: '20' })
  const ocs = new OcsSite(
    lab,
    names.map((instance) => `{instance-id: ${instance}, agent-class: CountingAgent}`),
  )
  const file = lab.path('lab.yaml')
  const site = ['--site-file', file, '--site-host', 'localhost']
  const running = new Map<string, Running>()
  /** The processes that have represented an instance, or been it, on crossbar. */
  const there = new Map<string, Running[]>(names.map((instance) => [instance, []]))
  /** The last number of every process, as printed when it is stopped. */
  const last = new Map<string, Map<number, number>>(names.map((instance) => [instance, new Map()]))
  const stop = async (instance: string, sign: NodeJS.Signals = 'SIGTERM') => {
    const agent = running.get(instance)
    agent?.signal(sign)
    await agent?.ended(40)
    const text = agent?.text() ?? ''
    // If the log does not contain its last line, the last row in the log is used.
    const [, run, n] =
      /(\d+) stopped at (\d+)/.exec(text) ?? [...text.matchAll(/run (\d+) +n (\d+)/g)].at(-1) ?? []
    if (run) last.get(instance)?.set(Number(run), Number(n))
  }
  const onCrossbar = async (instance: string) => {
    const agent = await ocs.agent(instance, FILE)
    running.set(instance, agent)
    there.get(instance)?.push(agent)
  }
  const here = async (instance: string) => {
    const agent = lab.start(instance, ['agent', '--instance-id', instance, ...site])
    running.set(instance, agent)
    try {
      await agent.says(/run \d+ +n \d+/, 240)
    } catch (error) {
      // Its agent has just lost its connection, and will return: the gateway is restarted, as `ocs up` does.
      if (!LOST.test(agent.text())) throw error
      await here(instance)
    }
  }
  /** One after another, as a person does. */
  const each = async (instances: readonly string[], act: (instance: string) => Promise<unknown>) => {
    for (const instance of instances) await act(instance)
  }

  // The original lab.
  await ocs.router()
  const theirs = await ocs.agent('agg')
  await each(names, onCrossbar)
  lab.program('load', ['sh', '-c', 'while :; do :; done'])
  // Ours beside it: gateways represent the agents that stay.
  writeFileSync(file, siteText(hosts[1]))
  await lab.hub(...site)
  const ours = lab.start('aggregator', ['agent', '--instance-id', 'aggregator', ...site])
  const stayed = new Map(running)
  await each(hosts[1], here)
  const gateways = new Map(hosts[1].map((instance) => [instance, running.get(instance)]))
  for (const [instance, gateway] of gateways) there.get(instance)?.push(gateway as Running)
  for (const instance of hosts[1]) running.set(instance, stayed.get(instance) as Running)
  // The first host moves, then the second.
  const move = async (instance: string) => {
    await stop(instance, 'SIGINT')
    await gateways.get(instance)?.stop()
    await here(instance)
  }
  await each(hosts[0], move)
  writeFileSync(file, siteText([]))
  await each(hosts[1], move)
  // And back: rows still in the spools are handed over without the agents.
  await each([...names].reverse(), async (instance) => {
    await stop(instance)
    await onCrossbar(instance)
    const drained = await lab.run(['spool', 'drain', instance, ...site], {}, 120)
    expect(drained.code, drained.err).toBe(0)
  })
  await until('all is recorded', 120, () => unacknowledged(lab.path('state')) === 0)
  await each(names, (instance) => stop(instance, 'SIGINT'))
  await ours.stop()
  await theirs.stop('SIGINT')

  const [one, other] = [lab.path('data'), ocs.dataDir]
  // As a person puts them into one folder: names are times, and those of the two differ.
  for (const folder of [one, other]) {
    for (const name of filesOf(folder)) {
      mkdirSync(lab.path('both', dirname(name)), { recursive: true })
      linkSync(join(folder, name), lab.path('both', name))
    }
  }
  const read = lab.program('seam', [SO3G, join(import.meta.dir, 'seam.py'), lab.path('both'), ...names])
  expect((await read.ended(60 + 60 * INSTANCES)).code, read.text('err')).toBe(0)
  const found = JSON.parse(read.text('out').trim()) as Record<string, Record<string, [number, number][]>>
  let rows = 0
  let missing = 0
  let holes = 0
  for (const instance of names) {
    // There, here, and there again: two restarts.
    const runs = [...(last.get(instance) ?? [])]
    expect([instance, Object.keys(found[instance] ?? {}).sort()]).toEqual([
      instance,
      runs.map(([run]) => `${run}`).sort(),
    ])
    expect(runs).toHaveLength(3)
    const times = Object.values(found[instance] ?? {}).flatMap((seen) => seen.map(([, time]) => time))
    for (const [index, [run, end]] of runs.entries()) {
      const seen = found[instance]?.[run] ?? []
      rows += seen.length
      const isHere = index === 1
      for (const { numbers, from, to } of holesOf(seen, end, times)) {
        const why = isHere ? 'it ran here' : 'nobody has lost a connection'
        const isLost = !isHere && hasLost([theirs, ...(there.get(instance) ?? [])], from, to)
        expect([instance, run, numbers, isLost ? '' : why]).toEqual([instance, run, numbers, ''])
        missing += numbers[1] - numbers[0] + 1
        holes++
      }
    }
  }
  figure(
    `${names.length} agents moved and moved back: ${rows} rows in ${names.length * 3} runs; none of those here is missing, ` +
      `of those on crossbar ${missing} in ${holes} holes, a lost connection each; ${names.length * 2} restarts`,
  )
})

/**
 * The holes in a run that ended with number `end`: the missing numbers, and the rows between which each hole
 * lies, s.
 * @param seen numbers and times, in order
 * @param times of all rows of the instance: a hole at either end of a run lies between the run and another
 */
function holesOf(seen: readonly (readonly [number, number])[], end: number, times: readonly number[]) {
  const first = seen[0]?.[1] ?? 0
  const final = seen.at(-1)?.[1] ?? 0
  const before = Math.max(...times.filter((time) => time < first), 0)
  const after = Math.min(...times.filter((time) => time > final), Number.POSITIVE_INFINITY)
  const ends = [[0, before], ...seen, [end + 1, after]] as const
  return ends.slice(1).flatMap(([next, to], i) => {
    const [number = 0, from = 0] = ends[i] ?? []
    return next > number + 1 ? [{ numbers: [number + 1, next - 1] as const, from, to }] : []
  })
}
