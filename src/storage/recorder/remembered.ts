import { dirname } from 'node:path'
import { TransportError } from '../../core/errors.ts'
import { readId } from './data-dir.ts'
import type { Disk } from './disk.ts'

/** The counters of a recorder; `core/counter-help.ts` explains each. */
export type RecorderCounters = Record<
  | 'rows'
  | 'samples'
  | 'frames'
  | 'duplicates'
  | 'gaps'
  | 'quarantined'
  | 'renamed'
  | 'clock_back'
  | 'torn_tails'
  | 'displaced'
  | 'disk_failures'
  | 'uncut_files',
  number
>

const NOTHING: RecorderCounters = {
  rows: 0,
  samples: 0,
  frames: 0,
  duplicates: 0,
  gaps: 0,
  quarantined: 0,
  renamed: 0,
  clock_back: 0,
  torn_tails: 0,
  displaced: 0,
  disk_failures: 0,
  uncut_files: 0,
}

/** What a process remembers of its data directory from one recorder to the next. */
export interface Remembered {
  /** Where it was, and its identity: an empty folder in its place may be a disk that is not mounted. */
  place?: { readonly device: bigint; readonly id: string; told?: boolean }
  /** Counters continue. */
  counters?: RecorderCounters
}

/** The counters of a process, which a new recorder continues. */
export function countersOf(remembered: Remembered): RecorderCounters {
  remembered.counters ??= { ...NOTHING }
  return remembered.counters
}

/**
 * Checks that the folder now at the directory's path is on the same disk or has the same UUID: unmounting a
 * disk leaves an empty folder, and data recorded there would go unnoticed.
 * @throws TransportError if not
 */
export async function sameDisk(
  disk: Disk,
  dir: string,
  { place }: Remembered,
  event: (level: 'error', kind: string, text: string) => void,
): Promise<void> {
  if (!place) return
  let path = dir
  let found = await disk.stat(path)
  // A missing directory was on the disk of its parent, unless that disk is gone as well.
  while (!found && dirname(path) !== path) {
    path = dirname(path)
    found = await disk.stat(path)
  }
  if (found?.dev === place.device || (await readId(disk, dir)) === place.id) return
  const what = 'mount its disk again, or restart the recorder to record where it is now'
  const text = `data directory ${dir} is on another disk than before: ${what}`
  if (!place.told) event('error', 'displaced', text)
  place.told = true
  throw new TransportError(text)
}
