import { OpError } from '../../core/errors.ts'
import { decimal, integer, row, text } from '../../instrument/codec.ts'
import { same } from '../../instrument/registers.ts'
import type { LineLink } from '../../instrument/transport/line-link.ts'
import { recall } from './lakeshore.ts'
import { curvePoint } from './lakeshore240-channels.ts'

/** Breakpoints that a channel holds. */
const LENGTH = 200

const header = row({
  name: text(15),
  serialNumber: text(10),
  format: integer,
  limit: decimal,
  coefficient: integer,
})

/** A calibration curve: format 2 V/K, 3 Ω/K, 4 log Ω/K; limit in K; coefficient 1 negative, 2 positive. */
export interface Curve extends ReturnType<typeof header.decode> {
  readonly points: readonly { readonly units: number; readonly kelvin: number }[]
}

/** The head of a `.340` file, in its order, and what each line is for. */
const HEAD = ['name', 'serialNumber', 'format', 'limit', 'coefficient', 'count'] as const

/**
 * Reads Lake Shore's `.340` text: six lines `Key: value (comment)`, then `number units temperature` a line, with any
 * titles and blank lines between.
 * @throws OpError naming file and line
 */
export function parseCurve(file: string, content: string): Curve {
  const fail = (line: number, what: string) => new OpError(`${file}:${line}: ${what}`)
  const lines = content.split(/\r?\n/)
  const head = Object.fromEntries(
    HEAD.map((key, at) => {
      const value = /^[^:]*:\s*(.*?)\s*(\([^()]*\))?\s*$/.exec(lines[at] ?? '')?.[1]
      if (value === undefined) throw fail(at + 1, `expected "Key: value" (${key})`)
      return [key, value]
    }),
  ) as Record<(typeof HEAD)[number], string>
  const points: { units: number; kelvin: number }[] = []
  for (const [at, line] of lines.entries()) {
    if (at < HEAD.length || !/^\s*\d/.test(line)) continue
    const [number, units, kelvin, ...more] = line
      .trim()
      .split(/[\s,]+/)
      .map(Number)
    if (
      number !== points.length + 1 ||
      !(Number.isFinite(units) && Number.isFinite(kelvin)) ||
      more.length > 0
    )
      throw fail(at + 1, `expected "${points.length + 1} UNITS TEMPERATURE", got "${line.trim()}"`)
    points.push({ units: units ?? 0, kelvin: kelvin ?? 0 })
  }
  if (points.length !== Number.parseInt(head.count, 10))
    throw fail(6, `${head.count} breakpoints announced, ${points.length} found`)
  if (points.length < 2 || points.length > LENGTH)
    throw fail(6, `a curve has 2 to ${LENGTH} breakpoints, this one ${points.length}`)
  const [format, limit, coefficient] = [head.format, head.limit, head.coefficient].map(Number.parseFloat)
  if (![2, 3, 4].includes(format ?? 0)) throw fail(3, `format ${head.format}: the module takes 2, 3 and 4`)
  if (!(Number(limit) > 0)) throw fail(4, `limit "${head.limit}" is not a temperature in K`)
  if (coefficient !== 1 && coefficient !== 2)
    throw fail(5, `coefficient "${head.coefficient}" is neither 1 nor 2`)
  const cut = (value: string, length: number) => value.replaceAll(',', ' ').slice(0, length).trim()
  return {
    name: cut(head.name, 15),
    serialNumber: cut(head.serialNumber, 10),
    format: format ?? 0,
    limit: limit ?? 0,
    coefficient,
    points,
  }
}

/**
 * Replaces a channel's curve: the old one is deleted, the new one written and read back.
 * @param report hears how many points have been written and how many compared
 * @throws OpError if the module has kept another value, or when it is aborted; the channel has no whole curve then
 */
export async function uploadCurve(
  line: LineLink,
  channel: number,
  { points, ...head }: Curve,
  signal: AbortSignal,
  report: (done: { written: number; compared: number }) => void,
): Promise<void> {
  const incomplete = (why: string, cause?: unknown) =>
    new OpError(`${why}: the curve of channel ${channel} is incomplete, upload it again`, { cause })
  try {
    await line.send(`CRVDEL ${channel}`)
    await line.send(`CRVHDR ${channel},${header.encode(head)}`)
    for (const [at, point] of points.entries()) {
      signal.throwIfAborted()
      await line.send(`CRVPT ${channel},${at + 1},${curvePoint.encode(point)}`)
      report({ written: at + 1, compared: 0 })
    }
    const kept = await recall(line, 'CRVHDR', channel, header)
    for (const key of ['name', 'serialNumber', 'format', 'limit'] as const)
      if (!same(kept[key], head[key])) throw incomplete(`${key} is ${kept[key]} instead of ${head[key]}`)
    for (const [at, point] of points.entries()) {
      signal.throwIfAborted()
      const { units, kelvin } = await recall(line, 'CRVPT', `${channel},${at + 1}`, curvePoint)
      if (!same(units, point.units) || !same(kelvin, point.kelvin))
        throw incomplete(`point ${at + 1} is ${units}, ${kelvin} instead of ${point.units}, ${point.kelvin}`)
      report({ written: points.length, compared: at + 1 })
    }
  } catch (error) {
    if (error instanceof OpError) throw error
    throw incomplete(signal.aborted ? 'aborted' : String((error as Error).message), error)
  }
}
