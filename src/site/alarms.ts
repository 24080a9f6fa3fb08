import type { z } from 'zod'
import {
  Action,
  type AlarmSettings,
  actionFaults,
  type Fault,
  Mail,
  mailFaults,
  type Rule,
  type RuleKind,
  ruleFaults,
  ruleKinds,
} from '../core/alarm-rules.ts'
import { checkParams } from '../core/arguments/check-params.ts'
import { coerce } from '../core/arguments/coerce.ts'
import { shown } from '../core/arguments/common-flags.ts'
import { notFound } from '../core/names.ts'
import { kindOf, readSection } from './keys.ts'
import type { Position, Problems } from './problems.ts'
import type { Entry, Node } from './tree.ts'

/** Where the reader of a section reports its findings. */
interface Report {
  readonly problems: Problems
  readonly notes: Set<string>
}

/**
 * Reads `alarms:` of a site file; each fault is reported once, with its position.
 * @param instances instance-ids of the file; undefined if some of them could not be read
 */
export function readAlarms(
  entry: Entry | undefined,
  instances: readonly string[] | undefined,
  report: Report,
): AlarmSettings | undefined {
  if (!entry) return undefined
  const keys = ['rules', 'actions', 'mail']
  const section = { name: 'alarms', keys, required: ['rules'] }
  const top = readSection(entry.value, entry.at, section, report.problems, report.notes)
  const mailEntry = top.get('mail')
  const mail = mailEntry && readTyped(mailEntry.value, mailEntry.at, 'mail', Mail, report)
  if (mail) mail.tell(mailFaults(mail.values))
  const actions = listed(top.get('actions'), 'actions', report).map((node) => {
    const action = readTyped(node, node.at, 'an action', Action, report)
    // A mail server that is present but faulty must not also be reported as missing.
    action?.tell(actionFaults(action.values, mail?.values ?? (mailEntry && ({} as Mail))))
    return action?.values
  })
  const names = new Map<string, Position>()
  const known = {
    // An action with another fault still counts as existing.
    actions: listed(top.get('actions'), undefined, report).flatMap((node) => once(names, node, report)),
    instances: instances ?? [],
  }
  const ruleNames = new Map<string, Position>()
  const rules = listed(top.get('rules'), 'rules', report).map((node) => {
    once(ruleNames, node, report)
    return readRule(node, known, instances === undefined, report)
  })
  return {
    mail: mail?.values,
    actions: actions.filter((action) => action !== undefined),
    rules: rules.filter((rule) => rule !== undefined),
  }
}

function readRule(
  node: Node,
  known: Parameters<typeof ruleFaults>[1],
  isBroken: boolean,
  report: Report,
): Rule | undefined {
  const kinds = Object.keys(ruleKinds)
  const given = entryOf(node, 'kind')
  if (given?.value.kind !== 'text' || given.value.text === null) {
    const what = node.kind === 'mapping' ? `no "kind" in a rule: one of ${kinds.join(', ')}` : undefined
    report.problems.add(node.at, what ?? `a rule takes keys with values, not ${kindOf(node)}`)
    return undefined
  }
  const kind = given.value.text as RuleKind
  if (!Object.hasOwn(ruleKinds, kind)) {
    report.problems.add(given.value.at, notFound('no rule of kind', kind, kinds))
    return undefined
  }
  const schema = ruleKinds[kind] as z.ZodObject
  const rule = readTyped(node, node.at, `a rule of kind ${kind}`, schema, report)
  if (!rule) return undefined
  const values = rule.values as unknown as Rule
  // The instances are only known if the whole file could be read.
  rule.tell(ruleFaults(values, isBroken ? { ...known, instances: undefined } : known))
  return values
}

/** The name of a rule or an action; reported if it is already in use. */
function once(names: Map<string, Position>, node: Node, { problems }: Report): string[] {
  const entry = entryOf(node, 'name')
  if (entry?.value.kind !== 'text' || entry.value.text === null) return []
  const { at, text } = entry.value
  // Names that differ only in - and _ would be one field in the recordings.
  const key = text.replaceAll('-', '_')
  const first = names.get(key)
  if (first) problems.add(at, `name "${text}" is taken: line ${first.line} has it already`)
  else names.set(key, at)
  return [text]
}

interface Typed<T> {
  readonly values: T
  /** Reports faults that concern several keys, each at the position of one of them. */
  tell(faults: readonly Fault[]): void
}

/** A section that a schema describes; undefined if something is wrong with it. */
function readTyped<S extends z.ZodObject>(
  node: Node,
  place: Position,
  name: string,
  schema: S,
  { problems, notes }: Report,
): Typed<z.output<S>> | undefined {
  const before = problems.count
  const keys = Object.keys(schema.shape)
  const typeOf = (key: string) => schema.shape[key] as z.ZodType
  const required = keys.filter((key) => !typeOf(key).safeParse(undefined).success)
  const entries = readSection(node, place, { name, keys, required }, problems, notes)
  const values: Record<string, unknown> = {}
  for (const [key, entry] of entries) {
    if (!keys.includes(key)) continue
    const words = wordsOf(entry.value)
    const coerced = words && coerce(typeOf(key), words)
    if (!coerced)
      problems.add(entry.value.at, `${key} takes a word or a list of words, not ${kindOf(entry.value)}`)
    else if ('wants' in coerced)
      problems.add(entry.value.at, `${key} takes ${coerced.wants}${shown(words ?? [])}`)
    else values[key] = coerced.value
  }
  const checked = checkParams(schema, values, (key) => key)
  const at = (key: string) => entries.get(key)?.value.at ?? node.at
  if ('values' in checked && problems.count === before) {
    const tell = (faults: readonly Fault[]) => {
      for (const { key, text } of faults) problems.add(at(key), text)
    }
    return { values: checked.values, tell }
  }
  for (const { name: key, text } of 'faults' in checked ? checked.faults : [])
    if (Object.hasOwn(values, key)) problems.add(at(key), text)
  return undefined
}

function wordsOf(node: Node): string[] | undefined {
  if (node.kind === 'text') return node.text === null ? undefined : [node.text]
  if (node.kind === 'mapping') return undefined
  const words = node.items.map((item) => (item.kind === 'text' ? item.text : null))
  return words.includes(null) ? undefined : (words as string[])
}

function entryOf(node: Node, key: string): Entry | undefined {
  return node.kind === 'mapping' ? node.entries.find((entry) => entry.key === key) : undefined
}

/** The items of a list; `what` is reported if the value is not a list. */
function listed(entry: Entry | undefined, what: string | undefined, { problems }: Report): readonly Node[] {
  if (!entry || entry.value.kind === 'list') return entry?.value.kind === 'list' ? entry.value.items : []
  const isEmpty = entry.value.kind === 'text' && entry.value.text === null
  if (what && !isEmpty) problems.add(entry.at, `${what} takes a list, not ${kindOf(entry.value)}`)
  return []
}
