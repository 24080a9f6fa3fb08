import { readFileSync } from 'node:fs'
import { isSecret, redact } from '../core/redact.ts'

/** Characters from which on a secret is looked for by itself: a shorter one would take words out of everything. */
const SHORTEST = 4
/** Those from which on a user of a URL without a password may be one. */
const LONG = 8
/** The user and the password of a URL. */
const USER_INFO = /(\b[a-z][a-z0-9+.-]{0,20}:\/\/)([^\s/?#@]*)@/gi
/** What stands behind a name in a URL's query; InfluxDB takes `u` and `p`. */
const QUERY = /([?&]([\w.-]{1,64})=)([^&#\s"']+)/g
/** A flag, with its value where that follows in the same word. */
const FLAG = /^--([\w-]+)(?:=(.*))?$/s

/**
 * The secrets of a host, found where they are written, and a hand over each of them wherever else they may have got. `redact` goes
 * by what stands beside a secret; a log line may have it alone.
 */
export class Secrets {
  readonly #values = new Set<string>()

  /** Takes the values of variables whose names tell of secrets. */
  environment(env: Readonly<Record<string, string | undefined>>): void {
    for (const [name, value] of Object.entries(env)) if (isSecret(name)) this.#add(value)
    for (const value of Object.values(env)) if (value !== undefined) this.#fromText(value)
  }

  /**
   * A document without the secrets in it, which are remembered: values under names that tell of secrets, what stands behind flags of
   * such names, users and passwords of URLs. A name that ends in `file` says where a secret is, which is read.
   */
  without(document: unknown): unknown {
    if (typeof document === 'string') {
      this.#fromText(document)
      const [, flag = '', value] = FLAG.exec(document) ?? []
      return value !== undefined && this.#is(flag, value) ? `--${flag}=***` : this.hide(document)
    }
    if (Array.isArray(document))
      return document.map((item, at) => {
        const [, flag, value] = FLAG.exec(String(document[at - 1])) ?? []
        return flag !== undefined && value === undefined && this.#is(flag, item) ? '***' : this.without(item)
      })
    if (document === null || typeof document !== 'object') return document
    return Object.fromEntries(
      Object.entries(document).map(([key, value]) => [
        key,
        this.#is(key, value) ? '***' : this.without(value),
      ]),
    )
  }

  /** A text without the secrets that are known, and without what `redact` hides; of URLs no user is left. */
  hide(text: string): string {
    // The longest first: one may be the beginning of another.
    const all = [...this.#values].sort((a, b) => b.length - a.length)
    return hidden(all.reduce((rest, value) => rest.replaceAll(value, '***'), text))
  }

  /** Whether a value is a secret by its name; it is known from then on. */
  #is(name: string, value: unknown): boolean {
    if (!isSecret(name.replaceAll('-', '_')) || value === null) return false
    if (/file$/i.test(name) && typeof value === 'string') {
      this.#fromFile(value)
      return false
    }
    this.#all(value)
    return true
  }

  #all(value: unknown): void {
    if (value !== null && typeof value === 'object') for (const one of Object.values(value)) this.#all(one)
    else this.#add(String(value))
  }

  #fromFile(path: string): void {
    try {
      for (const line of readFileSync(path, 'utf8').slice(0, 4096).split('\n')) this.#add(line.trim())
    } catch {
      // Whoever cannot read it has none of it in a log.
    }
  }

  #fromText(text: string): void {
    for (const [, , whole = ''] of text.matchAll(USER_INFO)) {
      const [user = '', ...password] = whole.split(':')
      // One without a password may be a token; a name such as "maya" stays where it stands alone.
      if (password.length > 0) this.#add(password.join(':'))
      else if (user.length >= LONG) this.#add(user)
    }
    for (const [, , name = '', value = ''] of text.matchAll(QUERY)) if (isQuerySecret(name)) this.#add(value)
  }

  #add(value: string | undefined): void {
    if (value === undefined) return
    for (const form of [value, decoded(value), JSON.stringify(value).slice(1, -1), encodeURIComponent(value)])
      if (form.length >= SHORTEST) this.#values.add(form)
  }
}

function hidden(text: string): string {
  return redact(text)
    .replace(USER_INFO, '$1***@')
    .replace(QUERY, (all: string, begin: string, name: string) => (isQuerySecret(name) ? `${begin}***` : all))
}

function isQuerySecret(name: string): boolean {
  return isSecret(name) || /^(?:u|p|sig|auth|key)$/i.test(name)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
