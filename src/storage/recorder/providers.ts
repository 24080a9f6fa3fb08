import { feedAddress } from '../../core/channels.ts'
import type { FeedEpoch } from '../../core/feed-sink.ts'
import type { RowsByEpoch } from './file-list.ts'
import { epochKey, type Ledger, type LedgerEntry } from './ledger.ts'
import { Provider, type ProviderHost } from './provider.ts'

/** The state of a feed, with OCS's names where OCS has one. */
export interface ProviderState {
  /** When rows last came, unix s. */
  readonly last_refresh: number
  /** The epoch. */
  readonly sessid: string
  readonly last_block_received: string
  /** Declared seconds between two samples of its fastest field. */
  readonly rhythm: number | undefined
  /** The last row taken, and the last row in a synced file. */
  readonly seq: number
  readonly recorded: number
}

/** What providers are created with, except for what depends on their epoch. */
interface ProvidersHost extends Omit<ProviderHost, 'holes' | 'types' | 'begun'> {
  begun(from: FeedEpoch, entry: LedgerEntry, start: number): void
}

/** The epochs being recorded, each from its first row until its feed has begun another. */
export class Providers {
  readonly #ledger: Ledger
  /** Rows to fetch again, for epochs of which no row has come yet. */
  readonly #holes: RowsByEpoch
  readonly #host: ProvidersHost
  readonly #all = new Map<string, Provider>()

  constructor(ledger: Ledger, holes: RowsByEpoch, host: ProvidersHost) {
    this.#ledger = ledger
    this.#holes = holes
    this.#host = host
  }

  find(from: FeedEpoch): Provider | undefined {
    return this.#all.get(epochKey(from))
  }

  /**
   * The provider of an epoch, created if needed; providers of the same feed with nothing left to write are
   * dropped.
   */
  of(from: FeedEpoch): Provider {
    const known = this.find(from)
    if (known) return known
    const key = epochKey(from)
    const entry = this.#ledger.entry(from)
    const holes = this.#holes.get(key) ?? []
    this.#holes.delete(key)
    const types = this.#ledger.types(feedAddress(this.#host.root, from.instance, from.feed))
    const begun = (start: number) => this.#host.begun(from, entry, start)
    const provider = new Provider(from, entry, { ...this.#host, holes, types, begun })
    for (const [other, { address, taken, entry }] of this.#all)
      if (address === provider.address && taken === entry.last) this.#all.delete(other)
    this.#all.set(key, provider)
    return provider
  }

  /**
   * Where to start reading a known epoch: after the rows taken or recorded, or before rows to be fetched
   * again.
   */
  position(from: FeedEpoch, entry: LedgerEntry): number {
    const taken = this.find(from)?.taken
    if (taken !== undefined) return taken
    const [hole] = this.#holes.get(epochKey(entry)) ?? []
    return hole ? Math.min(hole.first - 1, entry.last) : entry.last
  }

  /** When the open frames begin, unix s. */
  starts(): Iterable<number> {
    return this.#all.values().map(({ start }) => start)
  }

  /** Closes all frames. */
  seal(): void {
    for (const provider of this.#all.values()) provider.seal()
  }

  /** The state of each feed, by address. */
  states(): Record<string, ProviderState> {
    const states: Record<string, ProviderState> = {}
    for (const { address, from, entry, taken, lastRefresh, lastBlock, rhythm } of this.#all.values()) {
      // If a feed has several epochs (one is being drained), the live one is shown.
      if ((states[address]?.last_refresh ?? -1) > lastRefresh) continue
      states[address] = {
        last_refresh: lastRefresh,
        sessid: from.epoch,
        last_block_received: lastBlock,
        rhythm,
        seq: taken,
        recorded: entry.last,
      }
    }
    return states
  }
}
