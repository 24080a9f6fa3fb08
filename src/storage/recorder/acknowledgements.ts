import type { FeedEpoch, Follower } from '../../core/feed-sink.ts'
import type { LedgerEntry } from './ledger.ts'

/**
 * Tells agents which of their rows are in synced files; keeps acknowledgements until there is a follower to
 * carry them.
 */
export class Acknowledgements {
  readonly #dataDir: string
  readonly #waiting = new Map<LedgerEntry, FeedEpoch>()
  #follower: Follower | undefined

  /** @param dataDir UUID of the data directory */
  constructor(dataDir: string) {
    this.#dataDir = dataDir
  }

  /** Sets the follower that carries them. */
  attach(follower: Follower): void {
    this.#follower = follower
    for (const [entry, from] of this.#waiting) this.send(from, entry)
    this.#waiting.clear()
  }

  send(from: FeedEpoch, entry: LedgerEntry): void {
    if (this.#follower) this.#follower.acknowledge(from, entry.last, this.#dataDir)
    else this.#waiting.set(entry, from)
  }
}
