import type { Bus } from '../bus/bus.ts'
import { channels, type HeldEpoch, type Row } from '../core/channels.ts'

/** What is to come after a time: says whether it has, by what was heard. */
interface Awaited {
  fits(heard: Heard): boolean
  resolve(): void
}
type Heard = { readonly kind: 'row'; readonly instance: string } | { readonly kind: 'recorded' }

/** Listens to a lab: what was seen live, and when something comes back after a fault. */
export class Watch {
  /** Numbers seen live, by agent: what is on the bus is on disk, so each of them has to be recorded. */
  readonly live = new Map<string, Set<number>>()
  /** What each agent said last that it holds, over all its feeds. */
  readonly held = new Map<string, readonly HeldEpoch[]>()
  readonly #acked = new Map<string, number>()
  readonly #awaited = new Set<Awaited>()

  /** @param agents whose acknowledgements tell that something is recorded: a broker of others gives out no more */
  static async open(bus: Bus, root: string, agents: readonly string[]): Promise<Watch> {
    const watch = new Watch()
    await bus.subscribe(channels.feed, { root }, (row, { instance }) => watch.#row(row, instance))
    for (const instance of agents)
      await bus.subscribe(channels.ack, { root, instance }, ({ epoch, seq }) => {
        const key = `${instance}/${epoch}`
        // A recorder that starts says again what was recorded before.
        if (seq <= (watch.#acked.get(key) ?? 0)) return
        watch.#acked.set(key, seq)
        watch.#heard({ kind: 'recorded' })
      })
    await bus.subscribe(channels.presence, { root }, ({ state, feeds }, { instance }, { retained }) => {
      if (retained || state !== 'online' || !feeds) return
      watch.held.set(
        instance,
        Object.values(feeds).flatMap(({ epochs }) => epochs),
      )
    })
    return watch
  }

  /** Resolves once a row of an agent comes. */
  rowOf(agent: string, signal: AbortSignal): Promise<boolean> {
    return this.#next((heard) => heard.kind === 'row' && heard.instance === agent, signal)
  }

  /** Resolves once a row is recorded that was not before. */
  recorded(signal: AbortSignal): Promise<boolean> {
    return this.#next(({ kind }) => kind === 'recorded', signal)
  }

  /** Whether it came before the signal. */
  #next(fits: Awaited['fits'], signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (came: boolean) => {
        this.#awaited.delete(awaited)
        signal.removeEventListener('abort', stop)
        resolve(came)
      }
      const stop = () => end(false)
      const awaited = { fits, resolve: () => end(true) }
      this.#awaited.add(awaited)
      signal.addEventListener('abort', stop)
      if (signal.aborted) stop()
    })
  }

  #heard(heard: Heard): void {
    for (const awaited of [...this.#awaited]) if (awaited.fits(heard)) awaited.resolve()
  }

  #row({ data }: Row, instance: string): void {
    const seen = this.live.get(instance) ?? new Set()
    this.live.set(instance, seen)
    for (const [field, values] of Object.entries(data)) {
      if (field.endsWith('_status')) continue
      for (const value of values) if (typeof value === 'number') seen.add(value)
    }
    this.#heard({ kind: 'row', instance })
  }
}
