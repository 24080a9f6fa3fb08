/** The demo's data nodes over a week, with a clock of their own: no alert rule provisioned for them fires. */
import { afterEach, expect, setSystemTime, test } from 'bun:test'
import { graphiteNames } from '../src/bridge/graphite/names.ts'
import { render } from '../src/bridge/graphite/render.ts'
import type { FieldInfo } from '../src/core/channels.ts'
import { answerOf, DataAnswer } from '../src/core/data-node.ts'
import type { Shown } from '../src/core/shown-node.ts'
import { readArchive } from '../src/datanode/apex-weather.ts'
import type { Source } from '../src/datanode/catalog.ts'
import { getData, getFields } from '../src/datanode/queries.ts'
import { Sampled } from '../src/datanode/sampled.ts'
import { Table } from '../src/datanode/table.ts'
import { Weather } from '../src/datanode/weather.ts'
import { demoRoles } from '../src/demo/demo-roles.ts'
import { alertsOf } from '../src/grafana/alerts.ts'
import { dialectOf } from '../src/grafana/dialects.ts'
import { asked, evaluate, framesOf, rulesOf } from '../src/grafana/evaluate.test-aid.ts'
import { catalogOf } from '../src/lab/catalog.ts'
import type { Nodes } from '../src/lab/nodes.ts'
import { createLakeshore240 } from '../src/simulators/lakeshore240.ts'
import { createLakeshore372 } from '../src/simulators/lakeshore372.ts'
import { contextOf } from '../src/simulators/simulator.ts'

afterEach(() => {
  setSystemTime()
})

const [WEEK, HOUR, STEP] = [7 * 24 * 3600, 3600, 5]
const START = Date.UTC(2026, 10, 29, 12) / 1000
/**
 * Times at which the rules are evaluated: at any distance from values that come every ten minutes, and at any
 * time of day.
 */
const times = Array.from({ length: 404 }, (_, i) => START + HOUR + i * 1499)

interface Node {
  readonly source: Source
  /** Adds the samples up to a time (unix s). */
  fill(now: number): void
}

/**
 * Readings of a simulated module or scanner, at times up to now; only the last minutes before are queried.
 */
function instrument(kind: string, serial: string, seed: number): Node {
  let now = START
  const create = kind === 'lakeshore240' ? createLakeshore240 : createLakeshore372
  const dialect = create(contextOf({ serialNumber: serial, seed, now: () => now }))
  const ask = (line: string) => dialect(line)?.text ?? ''
  const inputs =
    kind === 'lakeshore240'
      ? ['1', '2', '3', '4', '5', '6', '7', '8'].filter((input) => ask(`INTYPE? ${input}`).endsWith(',1'))
      : [...Array.from({ length: 16 }, (_, i) => String(i + 1)), 'A'].filter((input) =>
          ask(`INSET? ${input}`).startsWith('1,'),
        )
  const round = kind === 'lakeshore240' ? STEP : 195
  const blocks = inputs.map((input) => {
    const info: Partial<FieldInfo> = { units: 'K', range: [0, 420], rhythm: input === 'A' ? STEP : round }
    const table = new Table(HOUR)
    table.declare(`Channel_${input}_T`, 'number')
    return { feed: 'temperatures', name: `Channel_${input}`, table, input, describe: () => info }
  })
  return {
    source: { blocks },
    fill(end) {
      for (now = end - 2 * round - 310; now <= end; now += STEP) {
        const scanned = ask('SCAN?').split(',')[0]
        for (const { input, table } of blocks)
          if (kind === 'lakeshore240' || input === 'A' || input === String(Number(scanned)))
            table.add(now, () => Number(ask(`KRDG? ${input}`)))
      }
    },
  }
}

async function demoNodes(): Promise<Map<string, Node>> {
  const nodes = new Map<string, Node>()
  for (const { args } of demoRoles('/tmp/demo', false).simulators) {
    const after = (flag: string) => args[args.indexOf(flag) + 1] ?? ''
    nodes.set(
      after('--serial-number'),
      instrument(args[1] ?? '', after('--serial-number'), Number(after('--seed'))),
    )
  }
  const weather = new Weather(await readArchive('fixtures/weather'), true)
  nodes.set('weather', { source: weather, fill: (now) => weather.serveUntil(now) })
  const sampled = new Sampled('sensors', HOUR, 2.5)
  const load = { field: 'load_1min', value: 1, units: '', description: '' }
  nodes.set('sensors', {
    source: sampled,
    fill(now) {
      for (let t = now - 310; t <= now; t += 2.5) sampled.add(t, [load])
    },
  })
  return nodes
}

/** The bridge's view of data nodes, which answer here directly. */
function nodesOf(all: ReadonlyMap<string, Node>): Nodes {
  const list = [...all.keys()].map((name) => ({ instance: name, name, description: '' }))
  const source = (name: string) => all.get(name)?.source ?? { blocks: [] }
  return {
    ...{ away: () => undefined, answers: () => true, gone: () => [] },
    ...{ online: () => list, listed: () => list, archives: () => [] },
    find: (name) => list.find((node) => node.name === name),
    fields: async ({ name }) => getFields(source(name), { start: 1, end: 0 }),
    data: async ({ name }, request) => DataAnswer.parse(answerOf(getData(source(name), request), request)),
    async [Symbol.asyncDispose]() {},
  }
}

/** The description of a node for provisioning. */
function shownOf([name, { source }]: [string, Node]): Shown {
  const fields = [...source.blocks].flatMap((block) =>
    [...block.table.names].map((field) => ({
      name: field,
      feed: block.feed,
      ...block.describe(field),
      units: block.describe(field).units ?? null,
    })),
  )
  return { name, description: '', fields }
}

test('no rule fires in a week of the demo; each for silence fires once its node is silent', async () => {
  const all = await demoNodes()
  setSystemTime(new Date(START * 1000))
  for (const { fill } of all.values()) fill(START)
  const lab = [...all].map(shownOf)
  const rules = rulesOf(alertsOf(lab, dialectOf('graphite', lab))).filter(
    ({ uid }) => uid !== 'ocs_operations',
  )
  expect(rules.length).toBeGreaterThan(20)
  const nodes = nodesOf(all)
  const names = graphiteNames(nodes, catalogOf(nodes))
  const operations = { find: () => [], lines: () => [] }
  const firing = async (now: number) => {
    setSystemTime(new Date(now * 1000))
    const fired: string[] = []
    for (const rule of rules) {
      const { target = '', from, until, maxDataPoints } = asked(rule, now)
      const span = { from: Number(from) * 1000, to: Number(until) * 1000, points: Number(maxDataPoints) }
      const { lines, leftOut } = await render({ nodes, names, operations }, [target], span)
      expect(leftOut).toEqual([])
      if (evaluate(rule, framesOf(lines, 'A')) !== 'Normal') fired.push(`${rule.uid} after ${now - START} s`)
    }
    return fired
  }
  for (const now of times) {
    for (const { fill } of all.values()) fill(now)
    expect(await firing(now)).toEqual([])
  }
  const silent = await firing((times.at(-1) ?? 0) + HOUR)
  expect(silent.map((text) => text.split(' ')[0])).toEqual(lab.map(({ name }) => `ocs_silent_${name}`))
  expect((times.at(-1) ?? 0) - START).toBeGreaterThan(WEEK)
})
