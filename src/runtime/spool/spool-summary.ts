import { messageOf } from '../../core/errors.ts'
import { type SpoolPlace, spoolsIn } from './spool-files.ts'
import { type EpochLook, lookAtSpool, type SpoolLook } from './spool-look.ts'

/** A spool with its contents, or why they cannot be read. */
export type OpenedSpool = SpoolPlace & ({ readonly look: SpoolLook } | { readonly problem: string })

/**
 * The spools of a state folder.
 * @throws ConfigError when it is not a folder
 */
export function openedSpools(state: string): OpenedSpool[] {
  return spoolsIn(state).map((place) => {
    try {
      return { ...place, look: lookAtSpool(place.file) }
    } catch (error) {
      return { ...place, problem: messageOf(error) }
    }
  })
}

/** A short form of a spool, as `ocs spool ls --json` prints it. Times in unix s. */
export function spoolSummary(found: OpenedSpool): Record<string, unknown> {
  const { root, instance, file } = found
  if ('problem' in found) return { root, instance, file, problem: found.problem }
  const { spool, bytes, in_use, epochs } = found.look
  const times = (of: 'oldest' | 'newest') => epochs.flatMap((epoch) => epoch[of] ?? [])
  const sum = (of: (one: EpochLook) => number) => epochs.reduce((total, one) => total + of(one), 0)
  return {
    root,
    instance,
    file,
    spool,
    bytes,
    in_use,
    rows: sum(rowsOf),
    unrecorded: sum(({ unrecorded }) => unrecorded),
    oldest: times('oldest').reduce<number | null>((a, b) => Math.min(a ?? b, b), null),
    newest: times('newest').reduce<number | null>((a, b) => Math.max(a ?? b, b), null),
  }
}

/** The number of an epoch's rows in a spool. */
export function rowsOf({ first, last }: EpochLook): number {
  return last - first + 1
}
