/** Writes and reads `.g3` files by the product's own code: orders `{"do": "write"|"read"|"one", "dir": …, "hours": N}`. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { serveOrders } from '../orders.ts'
import { decodeAll, g3File, openArchive, type Samples } from '../product.ts'

interface Order {
  readonly do: 'write' | 'read' | 'span' | 'one'
  readonly dir: string
  readonly hours: number
}
const [START, HOUR, FRAME, HERTZ, FEEDS] = [1_700_006_400, 3600, 60, 10, 2]
const names = Array.from({ length: 8 }, (_, i) => `Channel_${i + 1}_T`)
const values = Object.fromEntries(
  names.map((name, at) => [name, Array.from({ length: FRAME * HERTZ }, (_, i) => 4 + at + i / 1000)]),
)
const paths = (dir: string) => [...new Bun.Glob('*/*.g3').scanSync(dir)].sort()

function* frames(begin: number): Generator<Samples> {
  for (let at = begin; at < begin + HOUR; at += FRAME) {
    const times = Array.from({ length: FRAME * HERTZ }, (_, i) => at + i / HERTZ)
    for (let feed = 0; feed < FEEDS; feed++) yield { feed, times, fields: values }
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
  async read({ dir }: Order) {
    const parts = paths(dir).map((path) => decodeAll(readFileSync(join(dir, path))))
    const total = (key: 'count' | 'sum') => parts.reduce((sum, part) => sum + part[key], 0)
    const [first, last] = [parts.map(({ first }) => first), parts.map(({ last }) => last)]
    return { count: total('count'), sum: total('sum'), span: Math.max(...last) - Math.min(...first) }
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
