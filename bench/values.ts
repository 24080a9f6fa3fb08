/** Counts the values that instruments publish: fields times samples. */
import { join } from 'node:path'
import mqtt from 'mqtt'
import { until } from '../test/real/roles.ts'
import type { BenchLab } from './lab.ts'
import { order } from './orders.ts'

/** Values so far, by instrument, since the count began. */
export type Counts = Readonly<Record<string, number>>
export interface Counter extends AsyncDisposable {
  counts(): Promise<Counts>
}

/** Counts on our hub what these instances publish in their feed `temperatures`. */
export async function countOwn(url: string, instances: readonly string[]): Promise<Counter> {
  const client = await mqtt.connectAsync(url, { clientId: 'values', protocolVersion: 4, keepalive: 30 })
  const found = new Map(instances.map((id) => [id, 0]))
  client.on('message', (topic, payload) => {
    const [, id = ''] = topic.split('/')
    const { data } = JSON.parse(payload.toString()) as { data: Readonly<Record<string, readonly unknown[]>> }
    const values = Object.values(data).reduce((sum, column) => sum + column.length, 0)
    found.set(id, (found.get(id) ?? 0) + values)
  })
  await client.subscribeAsync(
    instances.map((id) => `observatory/${id}/feeds/temperatures`),
    { qos: 0 },
  )
  return {
    counts: async () => Object.fromEntries(found),
    [Symbol.asyncDispose]: () => client.endAsync(true),
  }
}

/** The same on crossbar, by a client in Python. */
export async function countOcs(
  lab: BenchLab,
  python: string,
  url: string,
  instances: readonly string[],
): Promise<Counter> {
  const topics = instances.map((id) => `observatory.${id}.feeds.temperatures`)
  const script = join(import.meta.dir, 'clients', 'feed_values.py')
  const client = lab.program('py-values', [python, script, url, ...topics])
  await client.says('"ready"', 60)
  return {
    counts: async () => {
      const found = await order<Counts>(client, {})
      return Object.fromEntries(instances.map((id, at) => [id, found[topics[at] ?? ''] ?? 0]))
    },
    [Symbol.asyncDispose]: async () => void (await client.stop()),
  }
}

/** Resolves when every instrument has published. */
export async function allPublish(whose: string, counter: Counter): Promise<void> {
  await until(`${whose}: every instrument publishes`, 60, async () =>
    Object.values(await counter.counts()).every((count) => count > 0),
  )
}
