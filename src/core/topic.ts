import type { z } from 'zod'
import { CLIENT, NAME } from './names.ts'

type Names<P extends string> = P extends `${string}{${infer N}}${infer Rest}` ? N | Names<Rest> : never

/** A topic pattern with names in braces, its payload, and how it is delivered. */
export interface Channel<P extends string = string, S extends z.ZodType = z.ZodType> {
  readonly pattern: P
  readonly payload: S
  readonly qos: 0 | 1
  readonly retain: boolean
}
/** One value for each name in a channel's pattern. */
export type Address<P extends string> = { readonly [K in Names<P>]: string }

/** Declares a channel; see `channels.ts`, the only caller. */
export function channel<const P extends string, S extends z.ZodType>(
  pattern: P,
  payload: S,
  { qos = 0, retain = false }: { qos?: 0 | 1; retain?: boolean } = {},
): Channel<P, S> {
  return { pattern, payload, qos, retain }
}

/** One level of a pattern: a fixed word, or the name of a variable. */
interface Level {
  readonly word: string
  readonly name: string | undefined
}
/** The levels of each pattern, kept because every message needs them. */
const known = new Map<string, readonly Level[]>()

function levelsOf(pattern: string): readonly Level[] {
  const found = known.get(pattern)
  if (found !== undefined) return found
  const levels = pattern
    .split('/')
    .map((word) => ({ word, name: word.startsWith('{') ? word.slice(1, -1) : undefined }))
  known.set(pattern, levels)
  return levels
}

/**
 * The topic of an address, or the filter when names are missing: each becomes the wildcard `+`.
 * @throws RangeError for a name that does not fit one topic level
 */
export function topic<P extends string>({ pattern }: Channel<P>, address: Partial<Address<P>>): string {
  const given = address as Readonly<Record<string, string | undefined>>
  return levelsOf(pattern)
    .map(({ word, name }) => {
      if (name === undefined) return word
      const value = given[name]
      if (value === undefined) return '+'
      if (!(name === 'client' || name === 'id' ? CLIENT : NAME).test(value))
        throw new RangeError(`"${value}" is not a name that can stand in a topic (${name} in ${pattern})`)
      return value
    })
    .join('/')
}

/** The last topic that was split, with its parts: several channels are tried in turn for one message. */
let latest: { readonly text: string; readonly parts: readonly string[] } = { text: '', parts: [''] }

/** The address of a topic on a channel; undefined if the topic belongs to another channel. */
export function addressOf<P extends string>({ pattern }: Channel<P>, text: string): Address<P> | undefined {
  const levels = levelsOf(pattern)
  if (latest.text !== text) latest = { text, parts: text.split('/') }
  const { parts } = latest
  if (parts.length !== levels.length) return undefined
  // Most topics belong to another channel: nothing is allocated for those.
  for (let at = 0; at < levels.length; at++) {
    const level = levels[at] as Level
    if (level.name === undefined && level.word !== parts[at]) return undefined
  }
  const address: Record<string, string> = {}
  for (let at = 0; at < levels.length; at++) {
    const { name } = levels[at] as Level
    if (name !== undefined) address[name] = parts[at] ?? ''
  }
  return address as Address<P>
}
