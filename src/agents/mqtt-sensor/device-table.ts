import { readFileSync, statSync } from 'node:fs'
import { z } from 'zod'
import { ConfigError, messageOf } from '../../core/errors.ts'
import { FieldName, fieldOf, Label, meant, Name } from '../../core/names.ts'

/** Bytes of a table, and what it may hold. */
const MOST_BYTES = 1024 * 1024
const MOST_DEVICES = 500
const MOST_READINGS = 200

const Topic = z
  .string()
  .min(1)
  .max(1000)
  .regex(/^[^+#\0]+$/, 'a topic in full, without the wildcards + and #')
/** Where a value stands in a message of JSON: `ENERGY.Power`, `0` of a list; as a list where a key has a dot in it. */
const Path = z
  .union([z.string().min(1).max(200), z.array(z.union([z.string(), z.int().min(0)])).max(20)])
  .transform((path) => (typeof path === 'string' ? path.split('.') : path.map(String)))
const bound = z.number().nullable()

const Reading = z.strictObject({
  topic: Topic,
  /** The message itself is the value without it. */
  path: Path.optional(),
  field: FieldName,
  units: Label.optional(),
  description: Label.optional(),
  range: z.tuple([bound, bound]).optional(),
  resolution: z.number().positive().optional(),
  /** Numbers for words: `{OPEN: 1, CLOSED: 0}`. */
  words: z.record(z.string(), z.number()).optional(),
})
const Availability = z.strictObject({ topic: Topic, path: Path.optional() })
const Device = z.strictObject({
  availability: z.union([Topic.transform((topic) => ({ topic })), Availability]).optional(),
  /** Seconds between two of its messages; where it says so, silence is told. */
  rhythm: z.number().positive().optional(),
  readings: z.array(Reading).min(1).max(MOST_READINGS),
})
const Table = z.record(Name, Device)

export type ReadingSpec = z.output<typeof Reading>
export type DeviceSpec = z.output<typeof Device>
/** Devices by name, which is that of their feed. */
export type DeviceTable = ReadonlyMap<string, DeviceSpec>

/** Keys by how deep they stand, for hints: of a device, of its readings, of its availability. */
const KEYS = [...Object.keys(Device.shape), ...Object.keys(Reading.shape), ...Object.keys(Availability.shape)]

/** Reads the table of devices, YAML. @throws ConfigError for a file that cannot be read or meant, naming the first fault */
export function readTable(file: string): DeviceTable {
  let given: unknown
  try {
    if (statSync(file).size > MOST_BYTES) throw new RangeError(`it has more than ${MOST_BYTES} bytes`)
    given = Bun.YAML.parse(readFileSync(file, 'utf8')) ?? {}
  } catch (cause) {
    throw new ConfigError(`--devices ${file}: ${messageOf(cause)}`, { cause })
  }
  const { data, error } = Table.safeParse(given)
  if (error) throw new ConfigError(`--devices ${file}: ${faultOf(error)}`)
  const devices = new Map(Object.entries(data))
  const fault = devices.size === 0 ? 'it has no devices' : tooMuch(devices)
  if (fault !== undefined) throw new ConfigError(`--devices ${file}: ${fault}`)
  return devices
}

/** The first fault in a line: where, what, and what may be meant. */
function faultOf({ issues: [issue] }: z.ZodError): string {
  const at = issue?.path.map(String) ?? []
  const where = at.length === 0 ? '' : `${at.join('.')}: `
  if (issue?.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys
    return `${where}unknown key ${JSON.stringify(key)}${meant(key, KEYS)}`
  }
  return `${where}${issue?.message ?? 'is no table of devices'}`
}

function tooMuch(devices: DeviceTable): string | undefined {
  if (devices.size > MOST_DEVICES) return `it has more than ${MOST_DEVICES} devices`
  for (const [name, { readings }] of devices) {
    const fields = readings.map(({ field }) => field)
    const twice = fields.find((field, i) => fields.indexOf(field) < i)
    if (twice !== undefined) return `${name}: the field "${twice}" appears twice`
    const topics = new Map<string, string>()
    for (const { topic } of readings) {
      const other = topics.get(blockOf(topic)) ?? topic
      if (other !== topic)
        return `${name}: ${other} and ${topic} would be recorded under one name, ${blockOf(topic)}`
      topics.set(blockOf(topic), topic)
    }
  }
  return undefined
}

/** What a message's values are recorded under: the topic by the rule of field names. */
export function blockOf(topic: string): string {
  return fieldOf(topic)
}
