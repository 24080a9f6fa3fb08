/** The arguments of an agent in OCS's notation, from a site file's `arguments:` or a command line. */
import type { z } from 'zod'
import { didYouMean } from '../names.ts'
import { checkParams, type Fault } from './check-params.ts'
import { coerce } from './coerce.ts'
import { commonFlags, shown } from './common-flags.ts'
import type { Given } from './given.ts'

/** A word with its position, `FILE:LINE:COLUMN`. */
export interface Located {
  readonly text: string
  readonly position: string
  /** Why it is not a word; reported only to the user of these arguments. */
  readonly fault?: string
}
type Word = string | Located
/** One item of an arguments list: a word, or a list of items such as `['--ip-address', '10.0.0.5']`. */
export type Argument = Word | readonly Argument[]

/** A word is a flag if a letter follows its dashes; `-5` is a value. */
const FLAG = /^--?[A-Za-z]/

/**
 * The words of arguments nested to any depth, in order, as OCS flattens them (`ocs/site_config.py`,
 * `flatten`).
 */
export function wordsOf(given: readonly Argument[]): Located[] {
  return given.flatMap((item): Located[] => {
    if (typeof item === 'string') return [{ text: item, position: '' }]
    return 'text' in item ? [item] : wordsOf(item)
  })
}

/** A sentence with its position for each item that is not a word. */
export function argumentFaults(given: readonly Argument[]): string[] {
  return wordsOf(given).flatMap(({ fault, position }) =>
    fault === undefined ? [] : [`${position}: ${fault}`],
  )
}

/** Reads flat (`--mode acq`), nested (`['--mode', 'acq']`) and joined (`--mode=acq`) arguments, in order. */
export function flattenArguments(given: readonly Argument[]): Given[] {
  const found: { flag: string; values: string[]; position?: string }[] = []
  for (const { text, position, fault } of wordsOf(given)) {
    if (fault !== undefined) continue
    const place = position === '' ? {} : { position }
    if (FLAG.test(text)) {
      const [, flag = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? []
      found.push({ flag: flag.replaceAll('_', '-'), values: value === undefined ? [] : [value], ...place })
    } else {
      const last = found.at(-1)
      if (last) last.values.push(text)
      else found.push({ flag: '', values: [text], ...place })
    }
  }
  return found
}

/**
 * The site file's arguments, then the command line's. A flag of the command line replaces all the site file's
 * values of that flag.
 */
export function mergeArguments(site: readonly Given[], commandLine: readonly Given[]): Given[] {
  const replaced = new Set(commandLine.map(({ flag }) => flag))
  return [...site.filter(({ flag }) => !replaced.has(flag)), ...commandLine]
}

/** The typed arguments of an agent with notes for the user, or a sentence for each fault. */
export type Arguments<T> =
  | { readonly values: T; readonly notes: readonly string[] }
  | { readonly faults: readonly Fault[] }

/**
 * Checks arguments against an agent's schema; the flag `--serial-number` is the schema's `serial_number`. The
 * message of a fault in the site file begins with its position. Take the common flags out first
 * (`splitCommon`).
 * @param retired flags without effect, with the reason: `{ quiet: 'logs are quiet' }` or `{ '--quiet': … }`
 */
export function coerceArguments<S extends z.ZodObject>(
  schema: S,
  given: readonly Given[],
  { retired = {} }: { readonly retired?: Readonly<Record<string, string>> } = {},
): Arguments<z.output<S>> {
  const why = new Map(Object.entries(retired).map(([flag, text]) => [flagOf(flag), text]))
  const values: Record<string, unknown> = {}
  const places = new Map<string, string>()
  const notes = new Set<string>()
  const faults: Fault[] = []
  /** Keys that unknown flags may be misspellings of; they are not reported as missing as well. */
  const meant = new Set<string>()
  for (const { flag, values: words, position } of given) {
    const name = keyOf(flag)
    const place = position === undefined ? '' : `${position}: `
    const reason = why.get(flag)
    const type = Object.hasOwn(schema.shape, name) ? (schema.shape[name] as z.ZodType) : undefined
    if (type) {
      if (places.has(name)) notes.add(`${flag} is given more than once: the last counts`)
      places.set(name, place)
      const coerced = coerce(type, words)
      if ('value' in coerced) values[name] = coerced.value
      else faults.push({ name, text: `${place}${flag} takes ${coerced.wants}${shown(words)}` })
    } else if (reason !== undefined) notes.add(`${flag} has no effect here: ${reason}`)
    else {
      const { text, near } = unknown(flag, words, [...Object.keys(schema.shape), ...why.keys()])
      if (near !== undefined) meant.add(keyOf(near))
      faults.push({ name, text: place + text })
    }
  }
  const checked = checkParams(schema, values, flagOf)
  if ('values' in checked && faults.length === 0) return { values: checked.values, notes: [...notes] }
  const told = new Set(faults.map(({ name }) => name))
  const more =
    'faults' in checked
      ? checked.faults.filter(({ name }) => !told.has(name) && (places.has(name) || !meant.has(name)))
      : []
  return {
    faults: [...faults, ...more.map(({ name, text }) => ({ name, text: (places.get(name) ?? '') + text }))],
  }
}

/** The line printed for a value that comes from the site file. */
export function settingLine(key: string, value: string): string {
  return `site_config is setting values of "${key}" to "${value}".`
}

/** `settingLine` for each merged argument that comes from the site file. */
export function settingLines(merged: readonly Given[]): string[] {
  return merged
    .filter(({ flag, position }) => flag !== '' && position !== undefined)
    .map(({ flag, values }) => settingLine(keyOf(flag), values.length === 0 ? 'True' : values.join(' ')))
}

function keyOf(flag: string): string {
  return flag.replace(/^-+/, '').replaceAll('-', '_')
}

function flagOf(key: string): string {
  return `--${key.replace(/^-+/, '').replaceAll('_', '-')}`
}

function unknown(
  flag: string,
  words: readonly string[],
  known: readonly string[],
): { readonly text: string; readonly near?: string } {
  if (flag === '')
    return { text: `${shown(words).replace(', given ', '')} stands before any flag: a flag begins with --` }
  if (/\s/.test(flag)) {
    const text = `"${flag}" is one word: write the flag and its value as two, or as --flag=value`
    return { text, near: flag.split(/\s/)[0] ?? '' }
  }
  const own = known.map(flagOf)
  const candidates = [...own, ...Object.keys(commonFlags)]
  const [near] = [...didYouMean(flag, candidates), ...candidates.filter((name) => name.startsWith(flag))]
  const hint =
    near === undefined ? `it takes ${own.join(', ') || 'none of its own'}` : `did you mean ${near}?`
  return { text: `there is no flag ${flag}: ${hint}`, ...(near !== undefined && { near }) }
}
