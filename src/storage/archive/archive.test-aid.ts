import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dataFrame, headFrames } from '../g3/hk.ts'

/** A synthetic archive: one feed of `fields` doubles, in files of an hour with frames of five minutes. */
export interface Synthetic {
  /** Unix s, a whole hour; then the number of hours. */
  readonly start: number
  readonly hours: number
  /** Samples per second. */
  readonly rate: number
  readonly fields: number
}

const FRAME = 300

/** The value of a field at its nth sample: a slow wave specific to the field, with fast noise. */
export function syntheticValue(field: number, n: number): number {
  return field + Math.sin(n / 5000 + field) + ((n * 7919) % 1000) / 1e4
}

/**
 * Writes an archive as a recorder would, with so3g's names of files and folders. Returns its size in bytes.
 */
export function writeSynthetic(dir: string, { start, hours, rate, fields }: Synthetic): number {
  const providers = new Map([[0, 'observatory.ls240.feeds.temperatures']])
  const from = { spool: 's', instance: 'ls240', feed: 'temperatures', epoch: 'e' }
  const names = Array.from({ length: fields }, (_, i) => `Channel_${i + 1}_T`)
  const rows = FRAME * rate
  let bytes = 0
  let seq = 0
  for (let hour = 0; hour < hours; hour++) {
    const begin = start + hour * 3600
    const sessionId = BigInt(hour + 1)
    const parts = [headFrames({ sessionId, time: begin, generation: hour, ledger: '{}' }, providers)]
    for (let at = begin; at < begin + 3600; at += FRAME) {
      const times = Array.from({ length: rows }, (_, i) => at + i / rate)
      const columns = names.map((name, field) => {
        const value = Float64Array.from(times, (_, i) => syntheticValue(field, seq + i))
        return [name, { kind: 'G3VectorDouble', value }] as const
      })
      const blocks = [{ name: 'temps', times, fields: new Map(columns) }]
      const span = { first: seq + 1, last: seq + rows }
      parts.push(
        dataFrame(sessionId, at + FRAME, {
          root: 'observatory',
          from,
          provider: 0,
          ...span,
          blocks,
          gaps: [],
        }),
      )
      seq += rows
    }
    const path = join(dir, String(begin).slice(0, 5), `${begin}.g3`)
    mkdirSync(join(path, '..'), { recursive: true })
    const file = Buffer.concat(parts)
    writeFileSync(path, file)
    bytes += file.length
  }
  return bytes
}
