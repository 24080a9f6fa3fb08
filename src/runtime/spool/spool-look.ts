import { statSync } from 'node:fs'
import { ConfigError, messageOf } from '../../core/errors.ts'
import { isLocked } from '../../machine/lock-file.ts'
import { openToLook } from './spool-file.ts'
import { SpoolIndex, unrecordedOf } from './spool-index.ts'

/** Rows of one epoch of one feed in a spool. */
export interface EpochLook {
  readonly feed: string
  readonly epoch: string
  readonly agent_class: string
  /** Seqs of the rows in the file; `first` > `last`: none. */
  readonly first: number
  readonly last: number
  /** Rows that are not known to be recorded, including those already deleted from the spool. */
  readonly unrecorded: number
  /** Times of the first and the last row, unix s. */
  readonly oldest: number | null
  readonly newest: number | null
}
/** The contents of a spool file. */
export interface SpoolLook {
  readonly spool: string
  /** Size of the file and its log. */
  readonly bytes: number
  /** Whether a process has it open: its agent, or a drain. */
  readonly in_use: boolean
  readonly epochs: readonly EpochLook[]
}

/**
 * Reads the contents of a spool, also while its agent runs. Changes nothing.
 * @throws ConfigError when the file is damaged, cannot be read, or a newer ocs wrote it
 */
export function lookAtSpool(path: string): SpoolLook {
  try {
    using db = openToLook(path)
    const index = new SpoolIndex(db)
    const epochs = index.feeds().flatMap((feed) =>
      index.epochs(feed).map((epoch) => ({
        feed,
        epoch: epoch.epoch,
        agent_class: epoch.declaration.agent_class,
        first: epoch.first,
        last: epoch.last,
        unrecorded: unrecordedOf(epoch),
        oldest: index.timeOf(epoch, epoch.first) ?? null,
        newest: index.timeOf(epoch, epoch.last) ?? null,
      })),
    )
    return { spool: index.spool, bytes: bytesOf(path), in_use: isLocked(`${path}.lock`), epochs }
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError(`${path}: ${messageOf(cause)}`, { cause })
  }
}

function bytesOf(path: string): number {
  const sizes = [path, `${path}-wal`].map((file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0)
  return sizes.reduce((a, b) => a + b, 0)
}
