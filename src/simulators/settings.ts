/** A command that the instrument refuses; `bit` is set in the standard event register. */
export class Refusal extends Error {
  override name = 'Refusal'
  /** 32 command error (unknown command), 16 execution error (parameter out of range). */
  readonly bit: 16 | 32
  constructor(bit: 16 | 32) {
    super(bit === 32 ? 'command error' : 'execution error')
    this.bit = bit
  }
}

/** A stored parameter. */
type Value = number | string

/** How one parameter of a command is parsed and shown. */
interface Field {
  /** @throws Refusal (16) out of range. */
  parse(text: string): Value
  format(value: Value): string
}

/** A whole number, shown with leading zeros to `width` digits. */
export function digits(width: number, min: number, max: number): Field {
  return {
    parse(text) {
      const value = parseNumber(text)
      if (!Number.isInteger(value) || value < min || value > max) throw new Refusal(16)
      return value
    },
    format: (value) => String(value).padStart(width, '0'),
  }
}

/** A decimal number, shown by `format`. */
export function decimal(min: number, max: number, format: (value: number) => string): Field {
  return {
    parse(text) {
      const value = parseNumber(text)
      if (value < min || value > max) throw new Refusal(16)
      return value
    },
    format: (value) => format(Number(value)),
  }
}

/** A text truncated to `length` characters; shown padded with blanks to `pad` characters. */
export function text(length: number, pad = 0): Field {
  return { parse: (value) => value.trim().slice(0, length), format: (value) => String(value).padEnd(pad) }
}

/** One of a few words, ignoring case. */
export function choice(...words: readonly string[]): Field {
  return {
    parse(value) {
      const word = canonical(value)
      if (!words.includes(word)) throw new Refusal(16)
      return word
    },
    format: String,
  }
}

/** One command that stores parameters and its query: `NAME key,values…` and `NAME? key`. */
export interface Setting {
  /** Channels, outputs, slots that the command takes first; `['']` for a command without. */
  keys: readonly string[]
  fields: readonly Field[]
  initial: (key: string) => readonly Value[]
  /** The key that is meant if none is given. */
  impliedKey?: string
  /** A key that sets all others. */
  allKey?: string
}

/** The settings of one instrument. */
export interface Settings {
  has(name: string): boolean
  get(name: string, key?: string): readonly Value[]
  /** A parameter as a number. */
  number(name: string, key: string, index: number): number
  /** Replaces parameters without any checks. */
  put(name: string, key: string, values: readonly Value[]): void
  /** Carries out `NAME key,values…`. An empty parameter stays unchanged. @throws Refusal */
  set(name: string, args: readonly string[]): void
  /** Answers `NAME? key`. @throws Refusal */
  show(name: string, args: readonly string[]): string
  /** Restores all initial values. */
  reset(): void
}

/** Settings from a table; `separator` rejoins an unquoted text that was split into tokens. */
export function createSettings(table: Readonly<Record<string, Setting>>, separator: string): Settings {
  const stored = new Map<string, readonly Value[]>()
  const specOf = (name: string): Setting => {
    const spec = table[name]
    if (!spec) throw new Refusal(32)
    return spec
  }
  const settings: Settings = {
    has: (name) => Object.hasOwn(table, name),
    get: (name, key = '') => stored.get(`${name} ${key}`) ?? specOf(name).initial(key),
    number: (name, key, index) => Number(settings.get(name, key)[index]),
    put: (name, key, values) => stored.set(`${name} ${key}`, values),
    set(name, args) {
      const spec = specOf(name)
      const keyless = spec.keys[0] === ''
      const implied = spec.impliedKey !== undefined && args.length === spec.fields.length
      const [key, given] =
        keyless || implied ? [spec.impliedKey ?? '', args] : [canonical(args[0] ?? ''), args.slice(1)]
      const keys = key === spec.allKey ? spec.keys : [key]
      if (keys.some((one) => !spec.keys.includes(one))) throw new Refusal(16)
      const parts = [...given.slice(0, spec.fields.length)]
      const rest = given.slice(spec.fields.length)
      if (rest.length > 0) parts.push([parts.pop() ?? '', ...rest].join(separator))
      if (parts.length === 0) throw new Refusal(16)
      for (const one of keys) {
        const before = settings.get(name, one)
        const values = spec.fields.map((field, i) => {
          const part = parts[i]
          return part === undefined || part.trim() === '' ? (before[i] ?? '') : field.parse(part)
        })
        settings.put(name, one, values)
      }
    },
    show(name, args) {
      const spec = specOf(name)
      const key = canonical(args[0] ?? '') || (spec.impliedKey ?? '')
      if (!spec.keys.includes(key)) throw new Refusal(16)
      const values = settings.get(name, key)
      return spec.fields.map((field, i) => field.format(values[i] ?? '')).join(',')
    },
    reset: () => stored.clear(),
  }
  return settings
}

/** `01` → `1`, `a` → `A`: channels are written both ways. */
export function canonical(key: string): string {
  return key
    .trim()
    .replace(/^0+(?=\d)/, '')
    .toUpperCase()
}

/** Parses a number as instruments write it. @throws Refusal (16) for anything else */
export function parseNumber(value: string): number {
  const parsed = value.trim() === '' ? Number.NaN : Number(value)
  if (!Number.isFinite(parsed)) throw new Refusal(16)
  return parsed
}
