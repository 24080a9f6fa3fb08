/** Serves panels of an archive as the data node does: orders `write`, `scan` and `panel`. */

import { DAY, START, type Wide, writeArchive } from '../../test/real/wide-archive.ts'
import { serveOrders } from '../orders.ts'
import { archivePanel, openArchive } from '../product.ts'

interface Order {
  readonly do: 'write' | 'scan' | 'panel'
  readonly dir: string
  readonly size: Wide
  /** Days before the end. */
  readonly span: number
  readonly fields: number
  readonly points: number
}
const archives = new Map<string, ReturnType<typeof openArchive>>()

const acts = {
  async write({ dir, size }: Order) {
    return { count: writeArchive(dir, size).frames }
  },
  async scan({ dir }: Order) {
    const archive = openArchive(dir, `${dir}-${performance.now()}.sqlite`)
    archives.set(dir, archive)
    return { count: await archive.rescan() }
  },
  async panel({ dir, size, span, fields, points }: Order) {
    const archive = archives.get(dir)
    if (!archive) throw new Error('scan first')
    const end = START + size.days * DAY
    const names = Array.from({ length: fields }, (_, i) => `agent${i}.temperatures.T`)
    const { data } = await archivePanel(archive, {
      fields: names,
      start: end - span * DAY,
      end,
      max_points: points,
    })
    return { count: names.filter((name) => (data[name]?.length ?? 0) > points / 10).length }
  },
}

await serveOrders<Order>(async (order) => {
  const begun = performance.now()
  const result = await acts[order.do](order)
  return { ...result, took: (performance.now() - begun) / 1000 }
})
