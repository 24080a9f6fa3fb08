import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../core/errors.ts'
import { type Acked, ackText, isSignedBy } from '../../core/recording/recorder-key.ts'
import { writePrivate } from '../../machine/private-file.ts'
import { knownRecorderKey } from '../../machine/recorder-key-file.ts'

/** In the folder of the spools: a key a line, what follows it is for people. */
const FILE = 'trusted-recorders'
const KEY = /^[0-9a-f]{64}$/

/** Where the keys of a folder's recorders are. */
export function trustPath(folder: string): string {
  return join(folder, FILE)
}

/** Whether a text is a recorder's key. */
export function isKey(text: string): boolean {
  return KEY.test(text)
}

/** The keys of recorders that a folder's agents heed, beside the one of a recorder that runs with this folder. */
export function trustedKeys(folder: string): string[] {
  return textIn(folder)
    .split('\n')
    .map((line) => line.trim().split(/\s/)[0] ?? '')
    .filter(isKey)
}

/** Adds a key, durably. @throws Error of the file system */
export function trustKey(folder: string, key: string, why: string): void {
  // An editor may have left the last line without an end.
  const end = /[^\n]$/.test(textIn(folder)) ? '\n' : ''
  writePrivate(trustPath(folder), `${end}${key} ${why} ${new Date().toISOString()}\n`, 'a')
}

function textIn(folder: string): string {
  return existsSync(trustPath(folder)) ? readFileSync(trustPath(folder), 'utf8') : ''
}

/**
 * Whose acknowledgements the spools of a folder heed: recorders that run with the same folder, those whose keys its file
 * names, and where there is neither the first one heard of (docs/decisions/0014).
 */
export class TrustedRecorders {
  readonly #folder: string
  readonly #known = new Set<string>()
  /** Why the first key could not be written down: it is trusted until this process ends. */
  problem: string | undefined

  constructor(folder: string) {
    this.#folder = folder
  }

  /**
   * Whether an acknowledgement counts; `first`: it does, and makes its recorder the trusted one.
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
      // A spool on a full disk gets room by what is acknowledged.
      this.problem = messageOf(error)
    }
    return 'first'
  }

  /** Looks again: a key may have been added, or a recorder begun here. */
  #look(): ReadonlySet<string> {
    for (const key of trustedKeys(this.#folder)) this.#known.add(key)
    const own = knownRecorderKey(this.#folder)
    if (own) this.#known.add(own.id)
    return this.#known
  }
}
