import type { InfluxDatabase } from './influx-v1.ts'
import { nanoseconds, pythonText, quoted } from './line-protocol.ts'
import type { ExpectedField } from './recorded-feeds.ts'

/** Number of fields in one query. */
const AT_ONCE = 50

/**
 * How many values of each field a database of InfluxDB 1.x has, in order, between the times of the expected
 * values.
 * @throws TransportError if it does not answer
 */
export async function countsOf(
  database: Pick<InfluxDatabase, 'ask'>,
  fields: readonly ExpectedField[],
  signal: AbortSignal,
): Promise<number[]> {
  const counts = new Map<ExpectedField, number>()
  const places = Map.groupBy(fields, ({ measurement, tags, first, last }) =>
    JSON.stringify([measurement, tags, first, last]),
  )
  for (const list of places.values())
    for (let at = 0; at < list.length; at += AT_ONCE) {
      const some = list.slice(at, at + AT_ONCE)
      const [series] = await database.ask(queryOf(some), signal)
      const found = series?.values[0] ?? []
      for (const [i, field] of some.entries()) counts.set(field, Number(found[i + 1] ?? 0))
    }
  return fields.map((field) => counts.get(field) ?? 0)
}

function queryOf(fields: readonly ExpectedField[]): string {
  const { measurement = '', tags = {}, first = 0, last = 0 } = fields[0] ?? {}
  const where = Object.entries(tags)
    .filter(([, value]) => value !== '')
    .map(([tag, value]) => `${quoted(tag)} = '${tagText(value)}' AND `)
  const counts = fields.map(({ field }) => `COUNT(${quoted(field)})`)
  const times = `time >= ${nanoseconds(first)} AND time <= ${nanoseconds(last)}`
  return `SELECT ${counts.join(', ')} FROM ${quoted(measurement)} WHERE ${where.join('')}${times}`
}

function tagText(value: string | number | boolean): string {
  return pythonText(value).replaceAll(/['\\]/g, String.raw`\$&`)
}
