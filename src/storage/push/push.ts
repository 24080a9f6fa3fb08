import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { bytesText } from '../../core/arguments/byte-size.ts'
import { ConfigError, messageOf } from '../../core/errors.ts'
import { lockFile } from '../../machine/lock-file.ts'
import { MANIFEST } from '../elsewhere/manifest.ts'
import type { Store } from '../elsewhere/store.ts'
import { disk } from '../recorder/disk.ts'
import { makeOwnFolder, ownPath } from '../recorder/own-folder.ts'
import { claim } from './claim.ts'
import { closedIn } from './closed-files.ts'
import { Copies } from './copies.ts'
import { Room, type RoomOptions } from './make-room.ts'
import { Pusher } from './pusher.ts'
import { setAside } from './reserve.ts'

/** Files besides data that a copy of a data directory needs for recording to continue there. */
const BESIDES = ['data-dir', 'fields.jsonl', 'files.jsonl', 'moved-rows.jsonl', 'notes.jsonl'].map(
  (name) => `.ocs/${name}`,
)

export type PushOptions = RoomOptions

/** The result of a round. */
export interface Pushed {
  readonly pushed: number
  /** Number of files that were in the store already, and of files still being written. */
  readonly known: number
  readonly open: number
  readonly removed: number
  /** Why files are not in the store as they are here. */
  readonly faults: readonly string[]
}

/**
 * Locks a data directory for one push at a time until disposed.
 * @throws OpError if another push is at work there
 * @throws ConfigError if there is no such folder, or nothing can be written there
 */
export function lockPush(dir: string): Disposable {
  try {
    // A misspelt name must not create a folder.
    readdirSync(dir)
    makeOwnFolder(dir)
  } catch (cause) {
    throw new ConfigError(`${dir}: ${messageOf(cause)}: name a recorder's data directory`, { cause })
  }
  const lock = lockFile(ownPath(dir, 'push.lock'), (by) => `another push of ${dir} is running, ${by}`)
  return { [Symbol.dispose]: () => lock.close() }
}

/**
 * Puts the closed files of a data directory into a store, oldest first, reads each back, and notes that; then
 * removes it here if it no longer has to be kept. May be killed at any moment: a noted file is in the store,
 * and a removed file was noted before.
 * @throws ConfigError, TransportError if the store accepts nothing
 */
export async function push(options: PushOptions): Promise<Pushed> {
  const { dir, store, signal, log } = options
  setAside(dir)
  await claim(store, dir, signal)
  const pusher = new Pusher(dir, store, await Copies.open(dir, store), log)
  const room = new Room(options, pusher)
  const { closed, open } = await closedIn(dir)
  const faults: string[] = []
  let [known, pushed] = [0, 0]
  for (const file of closed) {
    signal.throwIfAborted()
    const isKnown = pusher.known(file) !== undefined
    let why = isKnown ? undefined : await pusher.push(file, signal)
    if (isKnown) known++
    else if (why === undefined) pushed++
    why ??= await room.look(file, !isKnown)
    if (why !== undefined) faults.push(`${file.path}: ${why}`)
  }
  if (pushed > 0) await putBesides(store, dir, signal)
  const short = await room.short()
  if (short !== undefined)
    log(`only ${bytesText(short)} are free on the disk of ${dir}, and no more files can be removed`)
  return { pushed, known, open: open.length, removed: room.removed, faults }
}

/** Copies the other files of a data directory: the store is complete without this one. */
async function putBesides(store: Store, dir: string, signal: AbortSignal): Promise<void> {
  for (const path of [...BESIDES, MANIFEST]) {
    if (!(await disk.stat(join(dir, path)))) continue
    await store.put({ dir, path, bytes: await disk.read(join(dir, path)) }, signal)
  }
}
