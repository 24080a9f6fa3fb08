/** Counters by name, since their process began. */
export type Counts = Readonly<Record<string, number>>

/**
 * Every counter in presences (`counters`), with its description. Agents may have more; `NAME FEED.FIELD`
 * counts the same for one field.
 */
export const counterHelp: Readonly<Record<string, string>> = {
  unspooled:
    'samples that neither the agent’s disk nor its memory could hold until they were recorded; recorded as a gap',
  dropped: 'rows that the spool’s quota dropped before they were recorded; recorded as a gap',
  unhanded:
    'rows that an agent’s program had no room for, or lost when it was killed before handing them over: they are lost',
  unheard:
    'estimated rows that an agent on a crossbar published while no gateway listened: they are not recorded',
  acks_refused: 'acknowledgements from an untrusted recorder: the rows were kept; see ocs spool trust',
  spool_failures: 'times the spool could not be written, or its file was gone',
  spools_set_aside: 'damaged spools that were set aside',
  quarantined:
    'messages and values (in a recorder: rows) that did not fit their declaration and were left out',
  out_of_range: 'values outside their declared range; they are kept',
  unsent: 'messages outside the spool, and events, that were lost for want of a connection to the hub',
  bad_messages: 'messages from the bus that did not fit their topic and were left out',
  hub_reconnects: 'times the hub was reached again',
  instrument_reconnects: 'times the instrument was reached again',
  rows: 'rows in synced files',
  samples: 'samples in synced files',
  frames: 'frames in synced files',
  duplicates: 'rows that came twice and were taken once',
  holes: 'times rows were missing on arrival and were requested again',
  unnumbered: 'rows seen without a number: their agent could not spool them, and they are not recorded',
  gaps: 'rows that are gone for ever; a gap is recorded for them',
  renamed:
    'fields recorded under another name, because the archive has one of theirs with another type or block',
  clock_back: 'rows with times before those of earlier rows: recorded anyway',
  torn_tails: 'torn ends of files that were set aside',
  displaced: 'times what was being written (a file, its directory, the lock) had been moved or removed',
  disk_failures: 'times the data directory could not be written',
  points: 'points that a database has taken',
  refused: 'points that a database refuses: of another type than it has, too old or unreadable',
  archived: 'points that came from an archive node, since their agents no longer held them',
  uncut_files: 'files that could not be cut back after a failed write: their last frames may stand twice',
}

/** The description of a counter; empty if it is not known here. */
export function helpOf(counter: string): string {
  return Object.hasOwn(counterHelp, counter) ? (counterHelp[counter] ?? '') : ''
}

/** Counters of normal work, which do not indicate faults. */
const WORK = new Set(['rows', 'samples', 'frames', 'points', 'archived'])

/**
 * The counters that indicate a fault and are above zero; those of single fields are left out, because the
 * total includes them.
 */
export function troubles(counters: Counts): [name: string, count: number][] {
  return Object.entries(counters).filter(
    ([name, count]) => count > 0 && !WORK.has(name) && !name.includes(' '),
  )
}
