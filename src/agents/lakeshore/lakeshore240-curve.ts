import { OpError } from '../../core/errors.ts'
import { decimal, integer, row, text } from '../../instrument/codec.ts'
import { same } from '../../instrument/registers.ts'
import type { Link } from '../../instrument/transport/link.ts'
import { recall } from './lakeshore.ts'
import { curvePoint } from './lakeshore240-channels.ts'
import type { Curve } from './lakeshore240-curve-file.ts'

const header = row({
  name: text(15),
  serialNumber: text(10),
  format: integer,
  limit: decimal,
  coefficient: integer,
})

/**
 * Replaces a channel's curve: the old one is deleted, the new one written and read back.
 * @param report hears how many points have been written and how many compared
 * @throws OpError if the module has kept another value, or when it is aborted; the channel has no whole curve then
 */
export async function uploadCurve(
  line: Link,
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
