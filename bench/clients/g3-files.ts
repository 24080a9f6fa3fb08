/**
 * Writes and reads `.g3` files with the product's own code: orders `{"do": "write"|"record"|…, "dir": …,
 * "hours": N}`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { serveOrders } from '../orders.ts'
import {
  decodeAll,
  type FieldType,
  g3File,
  openArchive,
  recordAll,
  type Samples,
  type Wire,
} from '../product.ts'

interface Order {
  readonly do: 'write' | 'record' | 'read' | 'span' | 'load' | 'one'
  readonly dir: string
  readonly hours: number
}
const [START, HOUR, FRAME, HERTZ, FEEDS] = [1_700_006_400, 3600, 60, 10, 2]
const names = Array.from({ length: 8 }, (_, i) => `Channel_${i + 1}_T`)
const values = Object.fromEntries(
  names.map((name, at) => [name, Array.from({ length: FRAME * HERTZ }, (_, i) => 4 + at + i / 1000)]),
)
/**
 * Rows per message, and their content: four doubles, two integers, a boolean and a text that seldom changes.
 */
const ROWS = 100
const types: Readonly<Record<string, FieldType>> = {
  ...Object.fromEntries(names.slice(0, 4).map((name) => [name, 'double'])),
  ...{ count: 'int', total: 'int', on: 'bool', state: 'string' },
}
const each = <Value>(value: (i: number) => Value) => Array.from({ length: ROWS }, (_, i) => value(i))
const message = {
  ...Object.fromEntries(names.slice(0, 4).map((name) => [name, (values[name] ?? []).slice(0, ROWS)])),
  ...{ count: each((i) => i % 50), total: each((i) => 1_000_000 + i), on: each((i) => i % 20 < 10) },
  state: each((i) => (i < 50 ? 'cooling' : 'regulating')),
}
const paths = (dir: string) => [...new Bun.Glob('*/*.g3').scanSync(dir)].sort()

function* frames(begin: number): Generator<Samples> {
  for (let at = begin; at < begin + HOUR; at += FRAME) {
    const times = Array.from({ length: FRAME * HERTZ }, (_, i) => at + i / HERTZ)
    for (let feed = 0; feed < FEEDS; feed++) yield { feed, times, fields: values }
  }
}

/** The messages of two agents, in turn. */
function* messages(hours: number): Generator<Samples<Wire>> {
  for (let at = 0; at < hours * HOUR * HERTZ; at += ROWS)
    for (let feed = 0; feed < FEEDS; feed++) {
      const times = Array.from({ length: ROWS }, (_, i) => START + (at + i) / HERTZ)
      yield { feed, times, fields: message }
    }
}

const acts = {
  async write({ dir, hours }: Order) {
    let bytes = 0
    for (let hour = 0; hour < hours; hour++) {
      const begin = START + hour * HOUR
      const folder = join(dir, String(begin).slice(0, 5))
      mkdirSync(folder, { recursive: true })
      const file = g3File(begin, FEEDS, frames(begin))
      writeFileSync(join(folder, `${begin}.g3`), file)
      bytes += file.length
    }
    return { count: bytes }
  },
  async record({ dir, hours }: Order) {
    mkdirSync(dir, { recursive: true })
    return { count: (await recordAll(dir, messages(hours), types)) * ROWS * names.length }
  },
  async read({ dir }: Order) {
    const parts = paths(dir).map((path) => decodeAll(readFileSync(join(dir, path))))
    const total = (key: 'count' | 'sum') => parts.reduce((sum, part) => sum + part[key], 0)
    const [first, last] = [parts.map(({ first }) => first), parts.map(({ last }) => last)]
    return { count: total('count'), sum: total('sum'), span: Math.max(...last) - Math.min(...first) }
  },
  // All fields over all times, by name.
  async load({ dir }: Order) {
    using archive = openArchive(dir, `${dir}.sqlite`)
    await archive.rescan()
    const columns = await archive.read(archive.fields(), START, Infinity)
    return { count: columns.reduce((sum, { values }) => sum + values.length, 0) }
  },
  // A hundredth of the time from its middle, with the index that the data node keeps.
  async one({ dir, hours }: Order) {
    using archive = openArchive(dir, `${dir}.sqlite`)
    await archive.rescan()
    const field = archive.fields().find(({ label }) => label === 'agent1.temperatures.Channel_3_T')
    const middle = START + (hours * HOUR) / 2
    const [column] = field ? await archive.read([field], middle, middle + (hours * HOUR) / 100 - 0.05) : []
    return { count: column?.t.length ?? 0 }
  },
}

await serveOrders<Order>(async (order) => {
  const begun = performance.now()
  const result = await acts[order.do === 'span' ? 'read' : order.do](order)
  return { ...result, took: (performance.now() - begun) / 1000 }
})
