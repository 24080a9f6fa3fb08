import type { Bus } from '../bus/bus.ts'
import { channels } from '../core/channels.ts'
import type { Address, Channel } from '../core/topic.ts'

/** What is retained of an instance, by its channels. */
const kinds = [channels.api, channels.session, channels.last, channels.presence] as const
type Kind = (typeof kinds)[number]

/** A retained document: its channel and where it stands. */
interface Kept {
  readonly channel: Kind
  readonly address: Address<Kind['pattern']>
}

/** All that the hub holds of an instance, also what no reader can make sense of. */
async function retainedOf(bus: Bus, root: string, instance: string): Promise<Kept[]> {
  const kept: Kept[] = []
  const asked: AsyncDisposable[] = []
  for (const channel of kinds) {
    const found = (address: unknown) => {
      kept.push({ channel, address: address as Kept['address'] })
      return undefined
    }
    const listener = (_: unknown, address: unknown) => void found(address)
    const mend = (_: string, address: unknown) => found(address)
    asked.push(await bus.subscribe(channel as Channel, { root, instance }, listener, { mend }))
  }
  // It is granted behind all that is retained for the subscriptions before.
  asked.push(await bus.subscribe(channels.hub, { root }, () => {}))
  await Promise.all(asked.map((one) => one[Symbol.asyncDispose]()))
  return kept
}

/**
 * Clears all that the hub holds of an instance, and says who did; answers how many documents of each kind there were.
 * @throws TransportError with the hub's words, for who is no administrator
 */
export async function forgetInstance(
  bus: Bus,
  root: string,
  instance: string,
  by: string,
): Promise<{ readonly sessions: number; readonly feeds: number; readonly all: number }> {
  const here = { root, instance }
  const kept = await retainedOf(bus, root, instance)
  // Acknowledged, there or not, so that who may not do it hears so before anything is gone.
  await bus.clear(channels.api, here)
  for (const { channel, address } of kept)
    if (channel !== channels.presence) await bus.clear(channel, address)
  const text = `forgotten by ${by}: no longer shown`
  await bus.publish(channels.event, here, { time: Date.now() / 1000, level: 'info', kind: 'forgotten', text })
  // Last of all: until then it can be seen, and forgotten again.
  await bus.clear(channels.presence, here)
  const count = (kind: Kind) => kept.filter(({ channel }) => channel === kind).length
  return { sessions: count(channels.session), feeds: count(channels.last), all: kept.length }
}
