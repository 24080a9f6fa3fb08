/**
 * Checks the declaration of a table: users' modules are not compiled, and a misspelt key would have no
 * effect.
 */
import type { z } from 'zod'
import { FieldInfo } from '../core/channels.ts'
import { checkKeys, type Keys } from '../core/declaration/check-keys.ts'
import { ConfigError } from '../core/errors.ts'
import { BlockName, FieldName } from '../core/names.ts'
import { FieldType, fromWire, toWire } from '../core/wire.ts'
import type { Acquiring, AnySpec } from './instrument-spec.ts'
import type { Part } from './parts.ts'
import type { Register } from './registers.ts'
import {
  type Command,
  type Getting,
  type Reading,
  type ReadingField,
  type Setting,
  unreadOf,
} from './table.ts'

type Spec = AnySpec<z.ZodObject, unknown>

const SPEC: Keys<Spec> = {
  ...({ class: 'must', aliases: 'may', help: 'must', args: 'must', wiring: 'may' } as const),
  ...({ example: 'may', retired: 'may', claims: 'may', identify: 'may', label: 'may' } as const),
  ...({ dashboard: 'may', address: 'must', open: 'may', survey: 'may', feed: 'must' } as const),
  ...({ readings: 'must', typical: 'may', acq: 'must', init: 'may', settings: 'may' } as const),
  ...({ gettings: 'may', commands: 'may', judge: 'may' } as const),
}
const FEED: Keys<Spec['feed']> = { name: 'must', help: 'must', frame_length: 'may' }
const ACQ: Keys<Acquiring<unknown, unknown, string, z.ZodRawShape, object>> = {
  ...({ name: 'may', help: 'must', params: 'may', rate: 'must', startup: 'may' } as const),
  ...({ choose: 'may', data: 'may', nothing: 'may' } as const),
}
const READING: Keys<Reading> = { block: 'must', command: 'must', fields: 'must', when: 'may' }
const FIELD: Keys<ReadingField> = {
  ...({ part: 'must', type: 'may', units: 'may', description: 'may', range: 'may' } as const),
  ...({
    resolution: 'may',
    rhythm: 'may',
    bits: 'may',
    influxdb_tags: 'may',
    influxdb_int: 'may',
    unread: 'may',
    sim: 'may',
  } as const),
}
const SETTING: Keys<Setting> = {
  ...({ name: 'must', help: 'must', register: 'must', key: 'may' } as const),
  ...({ params: 'must', values: 'may', resurvey: 'may' } as const),
}
const GETTING: Keys<Getting> = { name: 'must', help: 'must', register: 'must', key: 'may', values: 'may' }
const COMMAND: Keys<Command> = { name: 'must', help: 'must', command: 'must' }
const REGISTER: Keys<Register> = {
  ...({ name: 'must', record: 'must', query: 'may', selectedBy: 'may', initial: 'must' } as const),
}
/** The levels at which keys belong, for messages about a misplaced key. */
const LEVELS: readonly (readonly [whose: string, keys: object])[] = [
  ['a field', FIELD],
  ['a reading', READING],
  ['a setting', SETTING],
  ['acq', ACQ],
  ['the declaration', SPEC],
]

/**
 * Checks a declaration: its keys, its readings as far as they are known, its registers.
 * @throws ConfigError with the place and the key
 */
export function checkSpec(spec: Spec): void {
  const { class: name, readings, typical = [], settings = [], gettings = [], commands = [] } = spec
  const where = typeof name === 'string' && name !== '' ? name : 'defineInstrument'
  checkKeys(spec, SPEC, where, LEVELS)
  checkKeys(spec.feed, FEED, `${where}: feed`, LEVELS)
  checkKeys(spec.acq, ACQ, `${where}: acq`, LEVELS)
  for (const known of [typeof readings === 'function' ? [] : readings, typical]) {
    checkReadings(where, known)
    checkNames(where, known)
  }
  for (const [kind, list, keys] of [
    ['setting', settings, SETTING],
    ['getting', gettings, GETTING],
  ] as const)
    for (const one of list) {
      const at = `${where}: ${kind} ${one.name}`
      checkKeys(one, keys, at, LEVELS)
      checkKeys(one.register, REGISTER, `${at}, register ${one.register.name}`, LEVELS)
    }
  for (const one of commands) checkKeys(one, COMMAND, `${where}: command ${one.name}`, LEVELS)
}

/**
 * Checks readings; if they depend on the instrument, this is done once they are known.
 * @param instrument the class, for the message
 * @throws ConfigError with the block, field and key
 */
export function checkReadings(instrument: string, readings: readonly Reading[]): void {
  for (const reading of readings) {
    const where = `${instrument}: block ${reading.block}`
    checkKeys(reading, READING, where, LEVELS)
    for (const [name, field] of Object.entries(reading.fields)) checkField(field, `${where}, field ${name}`)
  }
}

/**
 * @throws ConfigError; a bad name that comes from the instrument only loses its own field instead, see the
 * feed
 */
function checkNames(instrument: string, readings: readonly Reading[]): void {
  for (const { block, fields } of readings) {
    const where = `${instrument}: block ${block}`
    const { error } = BlockName.safeParse(block)
    if (error) throw new ConfigError(`${where}: "block": ${error.issues[0]?.message}`)
    for (const name of Object.keys(fields)) {
      const { error } = FieldName.safeParse(name)
      const why = error?.issues[0]?.message
      if (error) throw new ConfigError(`${where}: ${JSON.stringify(name)} is not a field name: ${why}`)
    }
  }
}

function checkField(field: ReadingField, where: string): void {
  checkKeys(field, FIELD, where, LEVELS)
  const refuse = (key: string, why: string): never => {
    throw new ConfigError(`${where}: "${key}": ${why}`)
  }
  const { part, type = 'double', range, unread } = field
  const { decode, place } = part as Partial<Part>
  if (typeof decode !== 'function' || typeof place !== 'function')
    refuse('part', 'say where the value is in the reply: whole(decimal), nth(0, decimal), …')
  if (!FieldType.options.includes(type))
    refuse('type', `${JSON.stringify(type)} is none of ${FieldType.options.join(', ')}`)
  const isRange = FieldInfo.shape.range.safeParse(range).success
  if (!isRange || (range && (range[0] ?? -Infinity) > (range[1] ?? Infinity)))
    refuse('range', `${JSON.stringify(range)} is not a range: [low, high], null if open`)
  for (const key of ['resolution', 'rhythm'] as const)
    if (!FieldInfo.shape[key].safeParse(field[key]).success)
      refuse(key, `${JSON.stringify(field[key])} is not a number above 0`)
  if (!FieldInfo.shape.bits.safeParse(field.bits).success)
    refuse(
      'bits',
      `${JSON.stringify(field.bits)} is not a word for each bit by its value, as in { 1: 'invalid', 16: 'too cold' }`,
    )
  if (type !== 'double' && unread !== undefined && fromWire(type, toWire(unread)) === undefined)
    refuse('unread', `${JSON.stringify(toWire(unread))} is not of type ${type}`)
  unreadOf(where, field)
}
