import type { Bus } from '../bus/bus.ts'
import { channels } from '../core/channels.ts'
import type { Wire } from '../core/wire.ts'

/** The last values of an instance's feeds, by feed: `{ timestamp, field: value, … }`. */
export type LastValues = ReadonlyMap<string, Readonly<Record<string, Wire>>>

/** Listens to the last values of an instance's feeds; filled while what the hub retained comes in. */
export async function lastValues(
  bus: Bus,
  root: string,
  instance: string,
): Promise<AsyncDisposable & { readonly values: LastValues }> {
  const values = new Map<string, Readonly<Record<string, Wire>>>()
  const subscription = await bus.subscribe(channels.last, { root, instance }, (now, { feed }) => {
    values.set(feed, now)
  })
  return { values, [Symbol.asyncDispose]: () => Promise.resolve(subscription[Symbol.asyncDispose]()) }
}
