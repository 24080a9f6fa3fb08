import type { Rule, RuleOf } from '../../core/alarm-rules.ts'
import type { FeedDeclaration, Row } from '../../core/channels.ts'
import type { FeedEpoch, FeedSink, FollowOptions } from '../../core/feed-sink.ts'
import { glob, isWild } from '../../core/glob.ts'
import { fromWire } from '../../core/wire.ts'
import { digits, judge, Slope } from './alarm-conditions.ts'
import type { AlarmBook } from './alarm-store.ts'

type FieldRule = RuleOf<'limit'> | RuleOf<'rate'> | RuleOf<'stale'>

/** A field with the rules that watch it. */
interface Watched {
  readonly target: string
  units: string
  readonly rules: readonly { readonly rule: FieldRule; readonly slope: Slope | undefined }[]
  /** Monotonic time of its last reading, or of the first check for one, ms. */
  heard: number
  isHeard: boolean
}

/**
 * Checks readings against the rules for their fields as they arrive. Only live rows count: rows that an agent
 * hands over late do not show the present state.
 */
export class Readings implements FeedSink {
  readonly #own: string
  readonly #rules: readonly { readonly rule: FieldRule; readonly fits: (field: string) => boolean }[]
  readonly #book: AlarmBook
  readonly #now: () => number
  readonly #fields = new Map<string, Watched>()
  /** Declarations that have been gone through. */
  readonly #seen = new WeakSet<FeedDeclaration>()

  /**
   * @param own the instance-id of the alarm agent, whose own feed is not watched
   * @param now monotonic ms
   */
  constructor(own: string, rules: readonly Rule[], book: AlarmBook, now: () => number) {
    this.#own = own
    this.#book = book
    this.#now = now
    this.#rules = rules
      .filter((rule): rule is FieldRule => 'field' in rule)
      .map((rule) => ({ rule, fits: glob(rule.field) }))
    for (const { rule } of this.#rules) if (!isWild(rule.field)) this.#field(rule.field)
  }

  /** The feeds that rules name, where none leaves open which they are. */
  get only(): Pick<FollowOptions, 'of'> {
    const named = new Map<string, { readonly instance: string; readonly feed: string }>()
    for (const { rule } of this.#rules) {
      const [instance = '', feed = ''] = rule.field.split('.')
      if (isWild(instance) || isWild(feed)) return {}
      named.set(`${instance}.${feed}`, { instance, feed })
    }
    return { of: [...named.values()] }
  }

  wants(instance: string, feed: string): boolean {
    const start = `${instance}.${feed}.`
    return (
      instance !== this.#own &&
      this.#rules.some(({ rule: { field } }) => isWild(field) || field.startsWith(start))
    )
  }

  /** Requests only the newest row, which brings the declaration. */
  position(_from: FeedEpoch, { first, last }: { readonly first: number; readonly last: number }): number {
    return Math.max(first, last) - 1
  }

  rows(
    { instance, feed }: FeedEpoch,
    declaration: FeedDeclaration,
    rows: readonly Row[],
    isLive: boolean,
  ): boolean {
    if (!this.#seen.has(declaration)) this.#declare(`${instance}.${feed}`, declaration)
    if (!isLive) return true
    for (const { block, t, data } of rows) {
      for (const [name, column] of Object.entries(data)) {
        const field = this.#fields.get(`${instance}.${feed}.${name}`)
        const type = declaration.blocks[block]?.[name]?.type ?? 'double'
        if (!field || type === 'string') continue
        for (const [at, time] of t.entries()) {
          const value = fromWire(type, column[at])
          if (value !== undefined) this.#take(field, time, Number(value))
        }
      }
    }
    return true
  }

  gap(): void {
    // A gap says nothing about the present.
  }

  /** Checks fields that have been silent. */
  look(): void {
    for (const field of this.#fields.values()) {
      for (const { rule } of field.rules) if (rule.kind === 'stale') this.#judgeAge(field, rule)
    }
  }

  /** Takes up every field of a declaration that a rule watches: one that never speaks is stale, too. */
  #declare(feed: string, declaration: FeedDeclaration): void {
    this.#seen.add(declaration)
    for (const block of Object.values(declaration.blocks)) {
      for (const [name, { units = '', type }] of Object.entries(block)) {
        const field = type === 'string' ? undefined : this.#field(`${feed}.${name}`)
        if (!field) continue
        field.units = units
        for (const { rule } of field.rules) this.#book.know(rule, field.target, unitsOf(rule, units))
      }
    }
  }

  #field(target: string): Watched | undefined {
    const known = this.#fields.get(target)
    if (known) return known
    const rules = this.#rules
      .filter(({ fits }) => fits(target))
      .map(({ rule }) => ({ rule, slope: rule.kind === 'rate' ? new Slope(rule.window) : undefined }))
    if (rules.length === 0) return undefined
    const field = { target, units: '', rules, heard: this.#now(), isHeard: false }
    this.#fields.set(target, field)
    for (const { rule } of rules) this.#book.know(rule, target, unitsOf(rule, ''))
    return field
  }

  #take(field: Watched, time: number, value: number): void {
    const { target, units } = field
    if (!Number.isNaN(value)) Object.assign(field, { heard: this.#now(), isHeard: true })
    for (const { rule, slope } of field.rules) {
      if (rule.kind === 'limit')
        this.#book.update(rule, target, judge(rule, value, { says: `${target} is`, units }))
      if (rule.kind === 'stale') this.#judgeAge(field, rule)
      if (rule.kind !== 'rate') continue
      slope?.add(time, value)
      const change = slope?.perMinute
      const says = { says: `${target} changes by`, units: unitsOf(rule, units) }
      if (change !== undefined) this.#book.update(rule, target, judge(rule, change, says))
    }
  }

  #judgeAge({ target, heard, isHeard }: Watched, rule: RuleOf<'stale'>): void {
    const age = (this.#now() - heard) / 1000
    const isBad = age >= rule.after
    const text = isBad ? `no reading of ${target} for ${digits(Math.round(age))} s` : `${target} is read`
    this.#book.update(rule, target, { is: isBad ? 'bad' : isHeard ? 'good' : 'unknown', text, value: age })
  }
}

function unitsOf({ kind }: FieldRule, units: string): string {
  if (kind === 'stale') return 's'
  return kind === 'rate' ? `${units}/min` : units
}
