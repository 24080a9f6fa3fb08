import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../core/errors.ts'
import { type Acked, ackText, isSignedBy } from '../../core/recording/recorder-key.ts'
import { writePrivate } from '../../machine/private-file.ts'
import { knownRecorderKey } from '../../machine/recorder-key-file.ts'

/** In the folder of the spools: one key per line; text after it is a comment. */
const FILE = 'trusted-recorders'
const KEY = /^[0-9a-f]{64}$/

/** Path of the file with the keys of a folder's recorders. */
export function trustPath(folder: string): string {
  return join(folder, FILE)
}

/** Whether a text is a recorder's key. */
export function isKey(text: string): boolean {
  return KEY.test(text)
}

/** The keys that a folder's agents trust, besides that of a recorder that runs with this folder. */
export function trustedKeys(folder: string): string[] {
  return textIn(folder)
    .split('\n')
    .map((line) => line.trim().split(/\s/)[0] ?? '')
    .filter(isKey)
}

/**
 * Adds a key, durably.
 * @throws Error of the file system
 */
export function trustKey(folder: string, key: string, why: string): void {
  // An editor may have left the last line without a newline.
  const end = /[^\n]$/.test(textIn(folder)) ? '\n' : ''
  writePrivate(trustPath(folder), `${end}${key} ${why} ${new Date().toISOString()}\n`, 'a')
}

function textIn(folder: string): string {
  return existsSync(trustPath(folder)) ? readFileSync(trustPath(folder), 'utf8') : ''
}

/**
 * Decides whose acknowledgements the spools of a folder accept: those of recorders that run with the same
 * folder, those whose keys its file names, and if there is neither, the first one heard
 * (docs/decisions/0014).
 */
export class TrustedRecorders {
  readonly #folder: string
  readonly #known = new Set<string>()
  /** Why the first key could not be written: it is trusted until this process ends. */
  problem: string | undefined

  constructor(folder: string) {
    this.#folder = folder
  }

  /**
   * Judges an acknowledgement; `first`: it is accepted and makes its recorder the trusted one.
   * @throws Error when the folder cannot be read
   */
  judge(acked: Acked, key: string, signature: string): 'trusted' | 'first' | 'unknown' | 'forged' {
    const isTrusted = this.#known.has(key) || this.#look().has(key)
    if (!isTrusted && this.#known.size > 0) return 'unknown'
    if (!isSignedBy(key, ackText(acked), signature)) return 'forged'
    if (isTrusted) return 'trusted'
    this.#known.add(key)
    try {
      trustKey(this.#folder, key, 'first-heard')
    } catch (error) {
      // Acknowledgements free space in a spool on a full disk, so the key is trusted all the same.
      this.problem = messageOf(error)
    }
    return 'first'
  }

  /** Reads the keys again: a key may have been added, or a recorder started here. */
  #look(): ReadonlySet<string> {
    for (const key of trustedKeys(this.#folder)) this.#known.add(key)
    const own = knownRecorderKey(this.#folder)
    if (own) this.#known.add(own.id)
    return this.#known
  }
}
