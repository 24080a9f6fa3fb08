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

/** What a data directory has besides data, and one that is copied from a store needs to go on with them. */
const BESIDES = ['data-dir', 'fields.jsonl', 'files.jsonl', 'moved-rows.jsonl', 'notes.jsonl'].map(
  (name) => `.ocs/${name}`,
)

export type PushOptions = RoomOptions

/** What came of a round. */
export interface Pushed {
  readonly pushed: number
  /** Files that were in the store already, and those that are written still. */
  readonly known: number
  readonly open: number
  readonly removed: number
  /** Of files that are not in the store as they are here: why. */
  readonly faults: readonly string[]
}

/**
 * Holds a data directory for one push at a time until disposed.
 * @throws OpError when another is at work there
 * @throws ConfigError when there is no such folder, or nothing can be written there
 */
export function lockPush(dir: string): Disposable {
  try {
    // A name that is misspelt must not become a folder.
    readdirSync(dir)
    makeOwnFolder(dir)
  } catch (cause) {
    throw new ConfigError(`${dir}: ${messageOf(cause)}: name a recorder's data directory`, { cause })
  }
  const lock = lockFile(ownPath(dir, 'push.lock'), (by) => `another push of ${dir} is running, ${by}`)
  return { [Symbol.dispose]: () => lock.close() }
}

/**
 * Puts the closed files of a data directory into a store, oldest first, reads each back, and notes that; then removes it here
 * where it need not be kept. May be killed at any moment: what is noted is there, and what is gone was noted.
 * @throws ConfigError, TransportError when the store takes nothing
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

/** Copies of what a data directory has besides: the store is whole without it. */
async function putBesides(store: Store, dir: string, signal: AbortSignal): Promise<void> {
  for (const path of [...BESIDES, MANIFEST]) {
    if (!(await disk.stat(join(dir, path)))) continue
    await store.put({ dir, path, bytes: await disk.read(join(dir, path)) }, signal)
  }
}
