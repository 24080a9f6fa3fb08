import { feedAddress } from '../../core/channels.ts'
import type { FeedEpoch } from '../../core/feed-sink.ts'
import type { RowsByEpoch } from './file-list.ts'
import { epochKey, type Ledger, type LedgerEntry } from './ledger.ts'
import { Provider, type ProviderHost } from './provider.ts'

/** How a feed is doing, by OCS's names where OCS has one. */
export interface ProviderState {
  /** When rows came last, unix s. */
  readonly last_refresh: number
  /** The epoch. */
  readonly sessid: string
  readonly last_block_received: string
  /** Declared seconds between two samples of its quickest field. */
  readonly rhythm: number | undefined
  /** The last row taken, and the last that is in a synced file. */
  readonly seq: number
  readonly recorded: number
}

/** What providers are made with; what goes by their epoch is added. */
interface ProvidersHost extends Omit<ProviderHost, 'holes' | 'types' | 'begun'> {
  begun(from: FeedEpoch, entry: LedgerEntry, start: number): void
}

/** The epochs being recorded, each from its first row on until another of its feed has begun. */
export class Providers {
  readonly #ledger: Ledger
  /** Rows to fetch again, of epochs of which none has come yet. */
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

  /** The provider of an epoch, made where there is none yet; those of its feed that have nothing more to write go. */
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

  /** Where reading a known epoch begins: behind what is taken or recorded, or before rows that are to be fetched again. */
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

  /** How each feed is doing, by address. */
  states(): Record<string, ProviderState> {
    const states: Record<string, ProviderState> = {}
    for (const { address, from, entry, taken, lastRefresh, lastBlock, rhythm } of this.#all.values()) {
      // Of several epochs at a time (one is drained) the one that lives is shown.
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
