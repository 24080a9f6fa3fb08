import type { AgentEvents } from './agent-events.ts'
import type { AgentFeeds } from './agent-feeds.ts'
import type { Counters } from './counters.ts'

/** What an agent does when its instrument is lost or (re)connected: logs it, counts it, informs the feeds. */
export class InstrumentEvents {
  readonly #event: AgentEvents['event']
  readonly #counters: Counters
  readonly #feeds: AgentFeeds
  #lost = false
  #had = false

  constructor({ event }: AgentEvents, counters: Counters, feeds: AgentFeeds) {
    this.#event = event
    this.#counters = counters
    this.#feeds = feeds
  }

  connected(instrument: object): void {
    if (this.#lost) this.#event('info', 'instrument', 'the instrument is back')
    if (this.#had) this.#counters.add('instrument_reconnects')
    this.#lost = false
    this.#had = true
    this.#feeds.connected(instrument)
  }

  failed(reason: string): void {
    this.#lost = true
    this.#event('warning', 'instrument', `${reason} (trying again)`)
  }
}
