import { z } from 'zod'
import type { Rule } from '../../core/alarm-rules.ts'
import { AlarmView, PastAlarm } from '../../core/alarms.ts'
import { OpError } from '../../core/errors.ts'
import { isWild } from '../../core/glob.ts'
import { notFound } from '../../core/names.ts'

/** Alarms that are over, kept for screens and plots. */
const RECENT = 50
/** Stands for every alarm. */
const ALL = 'all'

/**
 * The result of a check of one target. `bad`: beyond its rule; `good`: back to normal; `between`: neither, as between a limit
 * and its clear value; `unknown`: no data.
 */
export interface Verdict {
  readonly is: 'bad' | 'good' | 'between' | 'unknown'
  readonly text: string
  /** In the target's units. */
  readonly value?: number | undefined
}
/** What happened to an alarm: raised, over but latched, or cleared. */
export interface Change {
  readonly what: 'raised' | 'latched' | 'cleared'
  readonly alarm: AlarmView
  readonly rule: Rule
}
/** Time, so that a test can hold it still. */
export interface BookClock {
  /** Monotonic, ms. */
  now(): number
  /** Unix s. */
  wall(): number
}
export const systemTime: BookClock = { now: () => performance.now(), wall: () => Date.now() / 1000 }

const KeptAlarm = AlarmView.omit({ silenced_until: true }).extend({
  /** Unix s since which it is wrong, while the rule's delay runs. */
  wrong_since: z.number().nullable(),
})
type KeptAlarm = z.output<typeof KeptAlarm>
/** The state that outlives the process. */
export const KeptBook = z.object({
  alarms: z.array(KeptAlarm),
  silences: z.record(z.string(), z.number()),
  recent: z.array(PastAlarm),
})
export type KeptBook = z.output<typeof KeptBook>

interface Entry {
  readonly rule: Rule
  readonly alarm: KeptAlarm
  /** Monotonic ms since which it is wrong, while the rule's delay runs. */
  wrongSince: number | undefined
}

/** All alarms and their states: raised, latched, acknowledged, silenced. Knows nothing of where verdicts come from. */
export class AlarmBook {
  readonly #entries = new Map<string, Entry>()
  #silences = new Map<string, number>()
  #recent: PastAlarm[] = []
  readonly #clock: BookClock
  readonly #told: (change: Change) => void

  /** @param told called once for each change */
  constructor(clock: BookClock, told: (change: Change) => void) {
    this.#clock = clock
    this.#told = told
  }

  /** Restores the state of an earlier process for rules that still exist. */
  restore(kept: KeptBook, rules: readonly Rule[]): void {
    this.#recent = [...kept.recent]
    this.#silences = new Map(Object.entries(kept.silences))
    for (const alarm of kept.alarms) {
      const rule = rules.find(({ name }) => name === alarm.rule)
      if (!rule || alarm.name !== nameOf(rule, alarm.target)) continue
      const waited = alarm.wrong_since === null ? 0 : this.#clock.wall() - alarm.wrong_since
      const within = Math.min(Math.max(waited, 0), rule.delay)
      this.#entries.set(alarm.name, {
        rule,
        alarm: { ...alarm, severity: rule.severity },
        wrongSince: alarm.state === 'pending' ? this.#clock.now() - within * 1000 : undefined,
      })
    }
  }

  /** The state to keep beyond the process. */
  get kept(): KeptBook {
    return {
      alarms: [...this.#entries.values()].map(({ alarm }) => alarm),
      silences: Object.fromEntries(this.#silences),
      recent: this.#recent,
    }
  }

  /** Enters what a rule watches, so that it is listed also while nothing is wrong with it. */
  know(rule: Rule, target: string, units = ''): void {
    const name = nameOf(rule, target)
    const known = this.#entries.get(name)
    if (known) {
      if (units !== '') known.alarm.units = units
      return
    }
    const { severity } = rule
    const nothing = { value: null, since: null, ended: null, count: 0, acknowledged: null, wrong_since: null }
    this.#entries.set(name, {
      rule,
      alarm: { ...nothing, name, rule: rule.name, target, severity, state: 'clear', text: target, units },
      wrongSince: undefined,
    })
  }

  /** Takes the result of a check: raises, latches or clears the alarm by its rule. */
  update(rule: Rule, target: string, verdict: Verdict): void {
    this.know(rule, target)
    const entry = this.#entries.get(nameOf(rule, target))
    if (!entry) return
    const { alarm } = entry
    if (verdict.value !== undefined) alarm.value = Number.isFinite(verdict.value) ? verdict.value : null
    const isRaised = alarm.state === 'active' || alarm.state === 'latched'
    if (verdict.is === 'bad') {
      alarm.text = rule.message ? `${rule.message}: ${verdict.text}` : verdict.text
      if (alarm.state === 'latched') Object.assign(alarm, { state: 'active', ended: null })
      else if (!isRaised) this.#wrong(entry)
    } else if (verdict.is !== 'unknown' && alarm.state === 'pending') {
      Object.assign(alarm, { state: 'clear', wrong_since: null, text: verdict.text })
      entry.wrongSince = undefined
    } else if (verdict.is === 'good' && alarm.state === 'active') this.#over(entry)
    else if (verdict.is !== 'unknown' && alarm.state === 'clear') alarm.text = verdict.text
  }

  /** Forgets silences that are over. @returns whether there was one */
  endSilences(): boolean {
    const over = [...this.#silences].filter(([, until]) => until <= this.#clock.wall())
    for (const [name] of over) this.#silences.delete(name)
    return over.length > 0
  }

  /** Acknowledges raised alarms; this clears one that is over. @throws OpError when there is none */
  acknowledge(which: string, by: string, text: string): string[] {
    const raised = this.#find(which).filter(({ alarm }) => ['active', 'latched'].includes(alarm.state))
    if (raised.length === 0) throw new OpError(which === ALL ? 'nothing is raised' : `${which} is not raised`)
    for (const entry of raised) {
      entry.alarm.acknowledged = { by, text, time: this.#clock.wall() }
      if (entry.alarm.state === 'latched') this.#clear(entry)
    }
    return raised.map(({ alarm }) => alarm.name)
  }

  /** Stops calls for some seconds. @throws OpError when there is no such alarm */
  silence(which: string, seconds: number): number {
    if (which !== ALL) this.#find(which)
    const until = this.#clock.wall() + seconds
    this.#silences.set(which, until)
    return until
  }

  /** Ends a silence; `all` ends every one. @throws OpError when there is none */
  unsilence(which: string): void {
    const there = this.#silences.size
    if (which === ALL) this.#silences.clear()
    else this.#silences.delete(which)
    if (this.#silences.size === there)
      throw new OpError(which === ALL ? 'nothing is silenced' : `${which} is not silenced by that name`)
  }

  /** Alarms that ended last, the newest first. */
  get recent(): readonly PastAlarm[] {
    return this.#recent
  }

  /** Every alarm, the worst first. */
  list(): AlarmView[] {
    const all = [...this.#entries.values()].map((entry) => this.#view(entry))
    return all.sort((a, b) => rank(b) - rank(a) || a.name.localeCompare(b.name))
  }

  #wrong(entry: Entry): void {
    const { alarm, rule } = entry
    entry.wrongSince ??= this.#clock.now()
    if (this.#clock.now() - entry.wrongSince < rule.delay * 1000) {
      if (alarm.state !== 'pending')
        Object.assign(alarm, { state: 'pending', wrong_since: this.#clock.wall() })
      return
    }
    entry.wrongSince = undefined
    const since = this.#clock.wall()
    const raised = { state: 'active', since, wrong_since: null, ended: null, acknowledged: null }
    Object.assign(alarm, raised, { count: alarm.count + 1 })
    this.#told({ what: 'raised', alarm: this.#view(entry), rule })
  }

  #over(entry: Entry): void {
    const { alarm, rule } = entry
    if (!rule.latch || alarm.acknowledged) this.#clear(entry)
    else {
      Object.assign(alarm, { state: 'latched', ended: this.#clock.wall() })
      this.#told({ what: 'latched', alarm: this.#view(entry), rule })
    }
  }

  #clear(entry: Entry): void {
    const { alarm, rule } = entry
    const { name, severity, text, count, since, ended } = alarm
    const time = this.#clock.wall()
    this.#recent = [
      { name, severity, text, count, raised: since ?? time, ended: ended ?? time },
      ...this.#recent,
    ].slice(0, RECENT)
    const before = this.#view(entry)
    Object.assign(alarm, { state: 'clear', since: null, ended: null, acknowledged: null })
    this.#told({ what: 'cleared', alarm: { ...before, ended: ended ?? time, state: 'clear' }, rule })
  }

  /** Whether the alarm of this name is silenced at the moment. */
  isSilenced(name: string): boolean {
    const alarm = this.#entries.get(name)?.alarm
    return alarm !== undefined && this.#silencedUntil(alarm) !== null
  }

  #silencedUntil({ name, rule }: { readonly name: string; readonly rule: string }): number | null {
    const now = this.#clock.wall()
    const all = [ALL, rule, name]
      .map((which) => this.#silences.get(which) ?? 0)
      .filter((until) => until > now)
    return all.length > 0 ? Math.max(...all) : null
  }

  #find(which: string): Entry[] {
    const all = [...this.#entries.values()]
    const found = all.filter(({ alarm }) => [ALL, alarm.name, alarm.rule].includes(which))
    if (found.length > 0 || which === ALL) return found
    const names = all.flatMap(({ alarm }) => [alarm.name, alarm.rule])
    throw new OpError(notFound('no alarm', which, names))
  }

  #view({ alarm: { wrong_since: _, ...alarm } }: Entry): AlarmView {
    return { ...alarm, silenced_until: this.#silencedUntil(alarm) }
  }
}

/** An alarm's name: its rule's, with the target when the rule may watch several. */
function nameOf(rule: Rule, target: string): string {
  return patternOf(rule) === target ? rule.name : `${rule.name}/${target}`
}

/** The target of a rule as written; undefined if it has none. */
export function patternOf(rule: Rule): string | undefined {
  if ('field' in rule) return rule.field
  if ('op' in rule) return rule.op
  return 'folder' in rule && rule.folder !== undefined ? rule.folder : rule.agent
}

/** Whether a rule may watch several targets. */
export function isOpen(rule: Rule): boolean {
  const pattern = patternOf(rule)
  return pattern === undefined || (isWild(pattern) && !('folder' in rule && rule.folder !== undefined))
}

function rank({ state, severity, acknowledged }: AlarmView): number {
  const raised = { clear: 0, pending: 1, latched: 2, active: 2 }[state]
  return raised * 4 + (raised === 2 ? (acknowledged ? 0 : 2) + (severity === 'alarm' ? 1 : 0) : 0)
}
