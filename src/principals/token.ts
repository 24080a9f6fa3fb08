import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** `ocs1_`, whose it is, and 32 random bytes: told from other text wherever it turns up. */
const TOKEN = /^ocs1_([A-Za-z0-9][A-Za-z0-9_-]{0,62})_[A-Za-z0-9_-]{43}$/

/** A new token of a principal. */
export function newToken(principal: string): string {
  return `ocs1_${principal}_${randomBytes(32).toString('base64url')}`
}

/** Whose a token says it is; undefined for what is no token. */
export function holderOf(token: string): string | undefined {
  return TOKEN.exec(token)?.[1]
}

/** What is kept of a token: it cannot be made from it. */
export function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/** Whether two digests are the same. It takes as long for each. */
export function isDigest(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}
