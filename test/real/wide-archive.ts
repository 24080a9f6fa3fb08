import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dataFrame, headFrames } from '../../src/storage/g3/hk.ts'

/** When such archives begin, unix s. */
export const START = 1_700_006_400
export const HOUR = 3600
export const DAY = 24 * HOUR
/** Samples per frame. */
export const SAMPLES = 10

/** An archive of many feeds of one field. */
export interface Wide {
  readonly days: number
  readonly feeds: number
  /** Seconds of a frame. */
  readonly frame: number
}

/** The value of a feed at its nth sample. */
export const syntheticValue = (feed: number, n: number) =>
  feed + Math.sin(n / 500 + feed) + ((n * 7919) % 1000) / 1e4

/**
 * Writes files of an hour, as a recorder names them, each with all feeds. Returns the number of bytes and
 * frames.
 */
export function writeArchive(
  dir: string,
  { days, feeds, frame: length }: Wide,
): { bytes: number; frames: number } {
  const addresses = Array.from({ length: feeds }, (_, i) => `observatory.agent${i}.feeds.temperatures`)
  const providers = new Map(addresses.map((address, i) => [i, address]))
  let [bytes, frames] = [0, 0]
  for (let begin = START; begin < START + days * DAY; begin += HOUR) {
    const sessionId = BigInt(begin)
    const parts = [
      headFrames({ sessionId, time: begin, generation: (begin - START) / HOUR, ledger: '{}' }, providers),
    ]
    for (let at = begin; at < begin + HOUR; at += length) {
      const nth = ((at - START) / length) * SAMPLES
      const times = Array.from({ length: SAMPLES }, (_, i) => at + (i * length) / SAMPLES)
      for (let feed = 0; feed < feeds; feed++) {
        const value = Float64Array.from(times, (_, i) => syntheticValue(feed, nth + i))
        const fields = new Map([['T', { kind: 'G3VectorDouble', value } as const]])
        const from = { spool: 's', instance: `agent${feed}`, feed: 'temperatures', epoch: 'e' }
        const span = { first: nth + 1, last: nth + SAMPLES }
        const blocks = [{ name: 'temps', times, fields }]
        parts.push(
          dataFrame(sessionId, at + length, {
            root: 'observatory',
            from,
            provider: feed,
            ...span,
            blocks,
            gaps: [],
          }),
        )
        frames++
      }
    }
    const file = Buffer.concat(parts)
    const path = join(dir, String(begin).slice(0, 5), `${begin}.g3`)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, file)
    bytes += file.length
  }
  return { bytes, frames }
}
