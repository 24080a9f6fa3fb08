import type { Blocks, FieldSpec } from '../../core/feed-spec.ts'
import type { DeviceMessage } from '../../core/lab.ts'
import { overdueAfter } from '../../core/rhythm.ts'
import { parseBounded } from '../../core/wire.ts'
import { blockOf, type DeviceSpec, type ReadingSpec } from './device-table.ts'

/** What a device is told of: each kind is counted, and told once. */
export type Fault =
  | 'too long'
  | 'too often'
  | 'no JSON'
  | 'no number'
  | 'no availability'
  | 'kept from before'
/** Messages of one device that are read in a second, and at once after a pause: more cannot keep the others from being heard. */
const MOST_HZ = 50
/** Words of makers for being there and not: Shelly, ESPHome, Tasmota, zigbee2mqtt, Node-RED. */
const ONLINE = new Set(['online', 'true', '1', 'connected'])
const OFFLINE = new Set(['offline', 'false', '0', 'disconnected', 'lost'])
const AVAILABILITY = 'availability'
/** A number as devices write one. */
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

/** What a message comes to. */
export interface Taken {
  readonly block: string
  readonly values: Readonly<Record<string, number>>
}

/** One device of others: what it says is read by its table, and can hurt nothing but its own readings. */
export class Device {
  readonly name: string
  readonly #spec: DeviceSpec
  readonly #readings: ReadonlyMap<string, readonly ReadingSpec[]>
  readonly #tell: (text: string) => void
  readonly errors: Partial<Record<Fault, number>> = {}
  /** The last value of each field. */
  readonly fields: Record<string, number> = {}
  /** What its availability topic says; undefined until it has said something. */
  online: boolean | undefined
  /** Unix s of its last reading. */
  last: number | undefined
  /** Whether the last message of a topic held what is no number. */
  readonly #unread = new Set<string>()
  #tokens = MOST_HZ
  #counted: number
  /** When it was last heard, on the monotonic clock, ms. */
  #heard: number

  /** @param tell hears of each kind of fault once */
  constructor(name: string, spec: DeviceSpec, now: number, tell: (text: string) => void) {
    this.name = name
    this.#spec = spec
    this.#readings = Map.groupBy(spec.readings, ({ topic }) => topic)
    this.#tell = tell
    this.#counted = this.#heard = now
  }

  /** Its topics, each once. */
  get topics(): readonly string[] {
    const { availability } = this.#spec
    return [...new Set([...this.#readings.keys(), ...(availability ? [availability.topic] : [])])]
  }

  /** How its feed is declared. */
  get blocks(): Blocks {
    const blocks = [...this.#readings].map(([topic, readings]) => [
      blockOf(topic),
      Object.fromEntries(readings.map((reading) => [reading.field, fieldOf(reading)])),
    ])
    const online: FieldSpec = { description: '1 if the device is online, else 0', range: [0, 1] }
    return {
      ...Object.fromEntries(blocks),
      ...(this.#spec.availability && { [AVAILABILITY]: { online } }),
    }
  }

  get rhythm(): number | undefined {
    return this.#spec.rhythm
  }

  /**
   * What a message comes to: the values of a block, or several where its topic tells whether the device is there as well.
   * @param now ms of the monotonic clock
   * @param time unix s at which it came
   */
  take(message: DeviceMessage, now: number, time: number): Taken[] {
    if (!this.#mayRead(now)) return this.#fault('too often', `more than ${MOST_HZ} messages a second`)
    if (message.text === undefined)
      return this.#fault('too long', `a message of ${message.bytes} bytes on ${message.topic}`)
    const taken = this.#isThere(message, message.text)
    const readings = this.#readings.get(message.topic)
    if (!readings) return taken
    if (message.retained) {
      this.#fault('kept from before', `${message.topic} has a retained value of unknown age`)
      return taken
    }
    this.#heard = now
    const values = this.#values(message.topic, message.text, readings)
    if (values === undefined) return taken
    this.last = time
    Object.assign(this.fields, values)
    return [...taken, { block: blockOf(message.topic), values }]
  }

  /** Why it is not as it should be; undefined while it is. @param now ms of the monotonic clock */
  problem(now: number): string | undefined {
    if (this.online === false) return `${this.name} is offline, by ${this.#spec.availability?.topic}`
    const { rhythm } = this.#spec
    const silent = (now - this.#heard) / 1000
    if (rhythm !== undefined && silent > overdueAfter(rhythm))
      return `${this.name} has been silent for ${Math.round(silent)} s`
    const [topic] = this.#unread
    return topic === undefined ? undefined : `${this.name}: what it says on ${topic} is not a number`
  }

  /** Whether it is there, where the message says so. */
  #isThere({ topic }: DeviceMessage, text: string): Taken[] {
    const { availability } = this.#spec
    if (availability?.topic !== topic) return []
    const path = 'path' in availability ? availability.path : undefined
    const given = parsed(text)
    // zigbee2mqtt says {"state": "online"}.
    const said = path || isObject(given) ? at(given, path ?? ['state']) : text
    const word = String(said).trim().toLowerCase()
    if (!ONLINE.has(word) && !OFFLINE.has(word))
      return this.#readings.has(topic)
        ? []
        : this.#fault('no availability', `${topic} is neither online nor offline: ${clip(text)}`)
    this.online = ONLINE.has(word)
    return [{ block: AVAILABILITY, values: { online: Number(this.online) } }]
  }

  /** A number for each reading of a topic, NaN for what is none; undefined when the message has none of them. */
  #values(topic: string, text: string, readings: readonly ReadingSpec[]): Record<string, number> | undefined {
    const json = readings.some(({ path }) => path) ? parsed(text) : undefined
    const values: Record<string, number> = {}
    let isThere = false
    let unread: string | undefined
    for (const { field, path, words } of readings) {
      const given = path ? at(json, path) : text
      isThere ||= given !== undefined
      values[field] = numberOf(given, words)
      if (Number.isNaN(values[field]) && given !== undefined) unread = `${field} is ${clip(text)} on ${topic}`
    }
    if (json === BROKEN) {
      this.#fault('no JSON', `${topic}: ${clip(text)}`)
      unread = ''
    } else if (unread !== undefined) this.#fault('no number', unread)
    if (unread === undefined) this.#unread.delete(topic)
    else this.#unread.add(topic)
    return isThere || json === BROKEN ? values : undefined
  }

  #mayRead(now: number): boolean {
    this.#tokens = Math.min(MOST_HZ, this.#tokens + ((now - this.#counted) / 1000) * MOST_HZ)
    this.#counted = now
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  #fault(kind: Fault, text: string): Taken[] {
    if (this.errors[kind] === undefined) this.#tell(`${this.name}: ${kind}: ${text}`)
    this.errors[kind] = (this.errors[kind] ?? 0) + 1
    return []
  }
}

function fieldOf({ units, description, range, resolution, words }: ReadingSpec): FieldSpec {
  const meanings = Object.entries(words ?? {}).map(([word, value]) => `${value} ${word}`)
  const text = [description, meanings.join(', ')].filter((part) => part).join(': ')
  return {
    ...(units !== undefined && { units }),
    ...(text !== '' && { description: text }),
    ...(range && { range }),
    ...(resolution !== undefined && { resolution }),
  }
}

/** What stands for a text that is no JSON. */
const BROKEN = Symbol('no JSON')

function parsed(text: string): unknown {
  try {
    return parseBounded(text)
  } catch {
    return BROKEN // Too deep, or none at all.
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** What stands at a path; undefined where nothing does. Names such as "constructor" are every object's: only its own count. */
function at(value: unknown, path: readonly string[]): unknown {
  let found = value
  for (const key of path) {
    if (!isObject(found) || !Object.hasOwn(found, key)) return undefined
    found = found[key]
  }
  return found
}

/** A number, of a text that is one, of true (1) and false (0), of a word that has one; NaN of all else. */
function numberOf(value: unknown, words: Readonly<Record<string, number>> = {}): number {
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return words[String(value)] ?? Number(value)
  if (typeof value !== 'string') return Number.NaN
  const text = value.trim()
  if (Object.hasOwn(words, text)) return words[text] ?? Number.NaN
  return NUMBER.test(text) ? Number(text) : Number.NaN
}

function clip(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
}
