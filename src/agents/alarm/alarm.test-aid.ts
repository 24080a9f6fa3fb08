import { type Rule, type RuleKind, ruleKinds } from '../../core/alarm-rules.ts'
import { AlarmBook, type Change, type Verdict } from './alarm-store.ts'

/** A rule as a site file gives it, defaults filled in. */
export function ruleOf(kind: RuleKind, keys: Readonly<Record<string, unknown>>): Rule {
  return ruleKinds[kind].parse({ name: 'warm', kind, ...keys }) as Rule
}

/** A book on a clock that a test moves, and what it has told. */
export function bookOn(start = 0) {
  const time = { ms: start }
  const clock = { now: () => time.ms, wall: () => 1000 + time.ms / 1000 }
  const changes: string[] = []
  const told = ({ what, alarm }: Change) => void changes.push(`${what} ${alarm.name}`)
  const book = new AlarmBook(clock, told)
  return {
    book,
    clock,
    changes,
    /** Lets seconds go by. */
    pass: (seconds: number) => {
      time.ms += seconds * 1000
    },
    /** The state of an alarm, by name. */
    state: (name = 'warm') => book.list().find((alarm) => alarm.name === name)?.state,
  }
}

export const bad: Verdict = { is: 'bad', text: 'it is warm', value: 9 }
export const good: Verdict = { is: 'good', text: 'it is cold', value: 1 }
export const between: Verdict = { is: 'between', text: 'it is tepid', value: 5 }
export const unknown: Verdict = { is: 'unknown', text: '' }
