import { createHash } from 'node:crypto'

/** Identifies bytes: their count and SHA-256. */
export interface Digest {
  readonly size: number
  readonly sha256: string
}

/** Takes bytes piece by piece. */
export class Digester {
  readonly #hash = createHash('sha256')
  #size = 0

  add(piece: Uint8Array): void {
    this.#hash.update(piece)
    this.#size += piece.length
  }

  /** The digest; call it once. */
  end(): Digest {
    return { size: this.#size, sha256: this.#hash.digest('hex') }
  }
}

/** The digest of bytes in pieces. */
export async function digestOf(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Digest> {
  const digester = new Digester()
  for await (const piece of pieces) digester.add(piece)
  return digester.end()
}

/** Whether two digests are of the same bytes. */
export function isSame(a: Digest, b: Digest): boolean {
  return a.size === b.size && a.sha256 === b.sha256
}
