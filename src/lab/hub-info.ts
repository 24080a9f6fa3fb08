import type { Bus } from '../bus/bus.ts'
import { channels, type HubInfo } from '../core/channels.ts'

/** Milliseconds that a hub has to tell what it is. */
const PATIENCE_MS = 2000

/** What the hub of an address root, or of any, says of itself; undefined when none does. */
export async function hubInfo(bus: Bus, root: string | undefined): Promise<HubInfo | undefined> {
  const hub = Promise.withResolvers<HubInfo | undefined>()
  const timer = setTimeout(() => hub.resolve(undefined), PATIENCE_MS)
  await using _ = await bus.subscribe(channels.hub, root === undefined ? {} : { root }, hub.resolve)
  const found = await hub.promise
  clearTimeout(timer)
  return found
}
