import { join, resolve } from 'node:path'
import { counted } from '../../core/counted.ts'
import { ConfigError, messageOf, TransportError } from '../../core/errors.ts'
import { readId, writeId } from './data-dir.ts'
import { type Disk, disk as realDisk } from './disk.ts'
import { FieldLog } from './field-log.ts'
import { FileList, type RowsByEpoch } from './file-list.ts'
import { newFilePath } from './g3-file.ts'
import { goneText } from './g3-files.ts'
import { Ledger } from './ledger.ts'
import { lockDataDir } from './lock.ts'
import { ownPath } from './own-folder.ts'
import { recover, type Torn } from './recover.ts'
import { type Remembered, sameDisk } from './remembered.ts'
import { count } from './spans.ts'
import { Whereabouts } from './whereabouts.ts'

/**
 * Maximum seconds of data in a file: so3g looks for data up to an hour from a file's name, less at a folder's
 * edge.
 */
export const MAX_TIME_PER_FILE = 3600

export interface RecorderOptions {
  readonly dir: string
  /** Address root, the first word of each feed's address. */
  readonly root: string
  /** Maximum seconds of data in a file; 3600 by default, which is also the upper limit. */
  readonly timePerFile?: number | undefined
  /** Maximum seconds of data in a frame, in place of the declaration of each feed. */
  readonly frameLength?: number | undefined
  readonly disk?: Disk
  /** What the previous recorder in the same process left to remember. */
  readonly remembered?: Remembered
  /** Whether to fetch again the rows of closed files that are gone. */
  readonly refill?: boolean
  /** The instances whose feeds are recorded; all by default. */
  readonly wants?: (instance: string) => boolean
  log(text: string): void
  event(level: 'info' | 'warning' | 'error', kind: string, text: string): void
}

/** The state from which a recorder begins. */
export interface Begun {
  readonly dir: string
  readonly lock: Disposable
  readonly ledger: Ledger
  readonly whereabouts: Whereabouts
  readonly list: FileList
  /** The declarations of fields. */
  readonly fields: FieldLog
  readonly holes: RowsByEpoch
  /** Number of torn ends that were set aside. */
  readonly torn: number
  /** Whether nothing had been recorded there. */
  readonly isNew: boolean
}

/**
 * Locks a data directory, reads its state and sets torn ends of files aside.
 * @throws ConfigError if another recorder is at work there, or for a time per file that so3g could not read
 * @throws TransportError if the disk fails, or is not the one that this process recorded to before; trying
 * again may help
 */
export async function beginRecording(options: RecorderOptions): Promise<Begun> {
  const { disk = realDisk, timePerFile = MAX_TIME_PER_FILE, log, event, remembered = {} } = options
  if (!(timePerFile > 0 && timePerFile <= MAX_TIME_PER_FILE)) {
    const why = 'so3g does not find data more than an hour from the name of their file'
    throw new ConfigError(`--time-per-file ${timePerFile}: give more than 0 and at most 3600 s: ${why}`)
  }
  const dir = resolve(options.dir)
  let lock: Disposable | undefined
  try {
    await sameDisk(disk, dir, remembered, event)
    await disk.makeFolder(dir)
    lock = lockDataDir(dir)
    await disk.makeFolder(ownPath(dir, '.'))
    const whereabouts = await Whereabouts.of(disk, dir)
    await disk.remove(newFilePath(dir))
    const id = await readId(disk, dir)
    const { ledger, torn, unreadable, ended, holes } = await recover(disk, dir, id, options.refill)
    const known = ledger ?? new Ledger(id ?? crypto.randomUUID())
    if (id === undefined) await writeId(disk, dir, known.dataDir)
    remembered.place = { device: whereabouts.device, id: known.dataDir }
    const list = await FileList.open(disk, dir)
    const fields = await FieldLog.open(dir)
    for (const file of ended) if (!list.has(file.file)) await list.add(file)
    for (const end of torn) event('warning', 'torn', tornText(dir, end))
    for (const { path, reason } of unreadable)
      event(
        'warning',
        'unreadable',
        `${path}: ${reason}: its contents are unknown; make it readable, or move it away`,
      )
    const gone = await list.newlyGone()
    if (gone.length > 0) event('warning', 'moved', goneText(dir, gone))
    for (const [epoch, spans] of holes)
      log(
        `${epoch}: ${counted(count(spans), 'row that was in a file that is gone is', 'rows that were in files that are gone are')} requested again`,
      )
    log(`recording to ${dir}`)
    const isNew = !ledger && id === undefined
    return { dir, lock, ledger: known, whereabouts, list, fields, holes, torn: torn.length, isNew }
  } catch (cause) {
    lock?.[Symbol.dispose]()
    if (cause instanceof ConfigError || cause instanceof TransportError) throw cause
    throw new TransportError(`data directory ${dir}: ${messageOf(cause)}`, { cause })
  }
}

function tornText(dir: string, { path, kept, bytes, reason }: Torn): string {
  return `${join(dir, path)} has a torn end (${reason}): ${bytes} bytes are kept in ${join(dir, kept)}`
}
