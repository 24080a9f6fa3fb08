import type { Value } from '../core/wire.ts'
import type { Part } from '../instrument/parts.ts'
import type { Register } from '../instrument/registers.ts'
import type { Reading, Simulated, SimulatedInstrument } from '../instrument/table.ts'
import { createCommonCommands } from './common-commands.ts'
import { noise } from './random.ts'
import { canonical, Refusal } from './settings.ts'
import type { Dialect, DialectContext } from './simulator.ts'

/** How fast the noise of values changes, Hz. */
const RATE = 10
/** Significant digits of values with noise. */
const DIGITS = 6

/**
 * An instrument defined by a table: readings show the values of `sim`, registers store what they are set to.
 * Commands may be chained with `;`. Unknown commands and invalid values are silently ignored. An instrument
 * with an identity also has the common commands of IEEE 488.2.
 */
export function createTableDialect(table: SimulatedInstrument, context: DialectContext): Dialect {
  const { seed, now, faults, count } = context
  const { identity, readings, registers = [] } = table
  const kept = new Map<string, object>()
  const common = identity === undefined ? undefined : createCommonCommands(context)
  const initially = ({ initial }: Register, key: string): object =>
    typeof initial === 'function' ? (initial as (key: string) => object)(key) : initial
  const recall = (register: Register, key = ''): object =>
    kept.get(`${register.name} ${key}`) ?? initially(register, key)
  const names = readings.flatMap(({ fields }) => Object.keys(fields))
  faults.refuse('overload', () => 'this instrument follows its table: use value field=NAME value=TEXT')
  faults.refuse('value', ({ field }) => {
    return names.includes(field) ? undefined : `there is no field "${field}": there are ${names.join(', ')}`
  })
  const byCommand = Map.groupBy(readings, ({ command }) => normal(command.split('\n').at(-1) ?? ''))

  function value(sim: Simulated, field: string): Value {
    if (typeof sim === 'function') return sim(recall as never)
    if (!Array.isArray(sim)) return sim as Value
    const [mean, scatter] = sim as readonly [number, number]
    return Number((mean + scatter * noise(seed, field, Math.floor(now() * RATE))).toPrecision(DIGITS))
  }

  function show(found: readonly Reading[]): string {
    const parts: string[] = []
    for (const { fields } of found)
      for (const [name, { part, sim = 0 }] of Object.entries(fields)) {
        const given = faults.shown(name)
        const own = () => (count && typeof sim !== 'string' ? count() : value(sim, name))
        const shown = given === undefined ? own() : Number.isNaN(Number(given)) ? given : Number(given)
        put(part as Part, parts, shown, () => value(sim, name))
      }
    return Array.from(parts, (part) => part ?? '0').join(',')
  }

  /** The key of a register query: selected beforehand, or given after its name. */
  function keyOf({ selectedBy }: Register, given: string): string {
    if (!selectedBy) return canonical(given)
    const chosen = registers.find(({ name }) => name === selectedBy)
    return chosen ? String(Object.values(recall(chosen))[0]) : ''
  }

  /** @throws Refusal for an invalid command or value */
  function set(command: string): void {
    const register = registers.find(({ name }) => normal(command).startsWith(`${normal(name)} `))
    if (!register) throw new Refusal(32)
    const rest = command.slice(register.name.length).trim()
    const keyed = Object.keys(initially(register, '')).length < rest.split(',').length
    const [, given = '', record = ''] = keyed ? (/^([^, ]*)[, ](.*)$/.exec(rest) ?? []) : ['', '', rest]
    try {
      kept.set(`${register.name} ${keyOf(register, given)}`, register.record.decode(record))
    } catch {
      throw new Refusal(16)
    }
  }

  /** The reply; undefined if there is none. @throws Refusal */
  function obey(command: string): string | undefined {
    if (normal(command) === '*IDN?' && identity !== undefined)
      return identity.replace('{serial}', faults.serialNumber ?? context.serialNumber)
    const asked = registers.find(({ query = '' }) => query !== '' && normal(query) === normal(command))
    if (asked) return asked.record.encode(recall(asked, keyOf(asked, '')) as never)
    const [, name = '', given = ''] = /^(\S+)\s*(.*)$/.exec(command) ?? []
    const register = registers.find(({ name: own, query = `${own}?` }) => normal(query) === normal(name))
    if (register) return register.record.encode(recall(register, keyOf(register, given)) as never)
    const found = byCommand.get(normal(command))
    if (found) return show(found)
    const said = common?.obey(normal(name), given.split(','))
    if (said !== undefined) return said || undefined
    if (command.includes('?')) throw new Refusal(32)
    if (command !== '') set(command)
    return undefined
  }

  function answer(command: string): string | undefined {
    try {
      return obey(command)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      // Ignored, as instruments do; *ESR? shows it.
      common?.refused(error)
      return undefined
    }
  }

  return (line) => {
    const replies = line.split(';').flatMap((command) => answer(command.trim().replace(/^:/, '')) ?? [])
    return replies.length === 0 ? undefined : { text: replies.join(';'), readings: [] }
  }
}

/** Puts a value into a reply; an invalid one is inserted as text in place of the instrument's own value. */
function put(part: Part, parts: string[], shown: Value, own: () => Value): void {
  try {
    part.place(parts, shown)
  } catch {
    const before = [...parts]
    part.place(parts, own())
    for (const at of parts.keys()) if (parts[at] !== before[at]) parts[at] = String(shown)
  }
}

const normal = (command: string): string => command.trim().toUpperCase()
