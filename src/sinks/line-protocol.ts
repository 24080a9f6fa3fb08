/**
 * Rows as points of InfluxDB's line protocol, as OCS's publishers (0.12.1, `common/influxdb_drivers.py`)
 * write them.
 */
import type { Row, Tags } from '../core/channels.ts'
import { type FieldType, fromWire, type Wire } from '../core/wire.ts'

/** The origin of rows. */
export interface Origin {
  readonly root: string
  readonly instance: string
  readonly feed: string
}

/** OCS's `--protocol`: `json` is also sent as lines, with sorted names and times in whole microseconds. */
export const PROTOCOLS = ['line', 'json'] as const
export type Protocol = (typeof PROTOCOLS)[number]

/** The declaration of a feed, as far as it matters here. */
export interface Declared {
  readonly agent_class: string
  readonly exclude_influx?: boolean | undefined
  readonly blocks: Readonly<Record<string, Readonly<Record<string, DeclaredField>>>>
}
interface DeclaredField {
  readonly type: FieldType
  readonly influxdb_tags?: Tags | undefined
  readonly influxdb_int?: boolean | undefined
}

/**
 * The points of a row. A field with tags becomes a separate point in the measurement of its class; all others
 * of the block form one point of `root.instance`. Values that line protocol cannot hold (NaN, infinities,
 * missing ones) are left out.
 * @returns one line each, without a line end; empty for a feed that declares `exclude_influx`
 */
export function pointsOf(
  origin: Origin,
  { agent_class, exclude_influx, blocks }: Declared,
  { block, t, data }: Pick<Row, 'block' | 't' | 'data'>,
  protocol: Protocol = 'line',
): string[] {
  if (exclude_influx) return []
  const head = `${escaped(`${origin.root}.${origin.instance}`, MEASUREMENT)}${tagsText({ feed: origin.feed }, protocol)}`
  const fields = Object.entries(data).map(([name, column]) => {
    const { type = 'double' as const, influxdb_tags: tags, influxdb_int } = blocks[block]?.[name] ?? {}
    return {
      name,
      column,
      type: influxdb_int ? ('whole' as const) : type,
      own: tags && pointOf(origin, agent_class, name, tags, protocol),
    }
  })
  const tagged = fields.filter(({ own }) => own !== undefined)
  const plain = fields.filter(({ own }) => own === undefined)
  if (protocol === 'json') plain.sort((a, b) => (a.name < b.name ? -1 : 1))
  return t.flatMap((time, i) => {
    const stamp = nanoseconds(time, protocol)
    const alone = tagged.flatMap(({ own, type, column }) => {
      const value = valueText(type, column[i])
      return value === undefined ? [] : `${own}=${value} ${stamp}`
    })
    const together = plain.flatMap(({ name, type, column }) => {
      const value = valueText(type, column[i])
      return value === undefined ? [] : `${escaped(name, KEY)}=${value}`
    })
    return together.length > 0 ? [...alone, `${head} ${together.join()} ${stamp}`] : alone
  })
}

/** Where a field is in a database: its measurement, tags and name there. */
export function placeOf(
  { root, instance, feed }: Origin,
  field: string,
  agentClass: string,
  tags: Tags | undefined,
): { readonly measurement: string; readonly tags: Tags; readonly field: string } {
  if (!tags) return { measurement: `${root}.${instance}`, tags: { feed }, field }
  const { _field = field, ...own } = tags
  return {
    measurement: agentClass,
    tags: { feed, address_root: root, instance_id: instance, ...own },
    field: String(_field),
  }
}

/** The beginning of the point of a field with tags, up to its name. */
function pointOf(origin: Origin, agentClass: string, name: string, own: Tags, protocol: Protocol): string {
  const { measurement, tags, field } = placeOf(origin, name, agentClass, own)
  return `${escaped(measurement, MEASUREMENT)}${tagsText(tags, protocol)} ${escaped(field, KEY)}`
}

/** A tag without a value is omitted. */
function tagsText(tags: Tags, protocol: Protocol): string {
  const list = Object.entries(tags).filter(([name, value]) => name !== '' && value !== '')
  if (protocol === 'json') list.sort(([a], [b]) => (a < b ? -1 : 1))
  return list.map(([name, value]) => `,${escaped(name, KEY)}=${escaped(pythonText(value), KEY)}`).join('')
}

const MEASUREMENT = /[, ]/g
const KEY = /[,= ]/g

/**
 * Text of a measurement, tag or name: characters that would end it are escaped, and it contains no line end.
 */
function escaped(text: string, special: RegExp): string {
  return text
    .replaceAll(/[\r\n]/g, ' ')
    .replaceAll(special, String.raw`\$&`)
    .replace(/\\$/, '')
}

/**
 * A value written by its field's type, which the database keeps for ever; undefined if there is none to
 * write, as for a double that must be `whole` and is not.
 */
function valueText(type: FieldType | 'whole', wire: Wire | undefined): string | undefined {
  const value = fromWire(type === 'whole' ? 'double' : type, wire)
  if (value === undefined) return undefined
  if (typeof value === 'string') return quoted(value)
  if (typeof value === 'boolean') return pythonText(value)
  if (type === 'int') return `${value}i`
  if (type === 'whole') return Number.isSafeInteger(value) ? `${value}i` : undefined
  return Number.isFinite(value) ? pythonFloat(Number(value)) : undefined
}

/** A string of line protocol, or a name in InfluxQL. */
export function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}

/** A tag as Python writes it: `True`. */
export function pythonText(value: string | number | boolean): string {
  return typeof value === 'boolean' ? (value ? 'True' : 'False') : String(value)
}

/** A double as Python writes it: `1.0`, `1e-05`. */
export function pythonFloat(value: number): string {
  if (Object.is(value, -0)) return '-0.0'
  const [digits = '', power = ''] = value.toExponential().split('e')
  const exponent = Number(power)
  if (value !== 0 && (exponent < -4 || exponent >= 16))
    return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  const text = String(value)
  return text.includes('.') ? text : `${text}.0`
}

/** A time (unix s) in whole ns, truncated as OCS does. */
export function nanoseconds(time: number, protocol: Protocol = 'line'): bigint {
  if (protocol === 'line') return BigInt(Math.trunc(time * 1e9))
  const whole = Math.floor(time)
  return 1000n * (1_000_000n * BigInt(whole) + BigInt(Math.round((time - whole) * 1e6)))
}
