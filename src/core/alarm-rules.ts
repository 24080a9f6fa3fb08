/** The `alarms:` section of a site file: what to watch, and whom to call. Times in s. */
import { z } from 'zod'
import { Severity } from './alarms.ts'
import { isWild } from './glob.ts'
import { Name, nearOr, notFound } from './names.ts'

const WEEK = 604_800
const seconds = z.number().min(0).max(WEEK)
const count = z.number().int().min(1)
const pattern = z.string().min(1).max(400)

const common = (delay: number) => ({
  name: Name,
  kind: z.string(),
  severity: Severity.default('alarm'),
  /** The text shown before the measured value or state. */
  message: z.string().min(1).max(300).optional(),
  /** How long the condition must last before the alarm is raised. */
  delay: seconds.default(delay),
  /** Keeps the alarm after the condition has ended, until somebody acknowledges it. */
  latch: z.boolean().default(false),
  /** Names of actions; all of them by default. */
  actions: z.array(z.string()).optional(),
})
/** Raised below `low` or above `high`; cleared at `clear_low` and `clear_high`. */
const limits = {
  low: z.number().optional(),
  high: z.number().optional(),
  clear_low: z.number().optional(),
  clear_high: z.number().optional(),
}

/** The keys of a rule, by its `kind`. */
export const ruleKinds = {
  /** A reading beyond a limit, in its own units. `field`: INSTANCE.FEED.FIELD. */
  limit: z.object({ ...common(0), field: pattern, ...limits }),
  /** A reading that changes too fast, in its units per minute, over `window` seconds. */
  rate: z.object({ ...common(0), field: pattern, ...limits, window: seconds.min(2).default(60) }),
  /** No reading for `after` seconds. */
  stale: z.object({ ...common(0), field: pattern, after: seconds.min(1) }),
  /**
   * An operation, INSTANCE.OPERATION, that failed, is degraded, or does not run. A pattern matches processes
   * only.
   */
  op: z.object({
    ...common(30),
    op: pattern,
    states: z.array(z.enum(['failed', 'degraded', 'idle'])).default(['failed', 'degraded']),
  }),
  /** An agent that is lost, or does not run. */
  agent: z.object({ ...common(30), agent: pattern }),
  /** A recorder that does not record, or has `rows` or more left to fetch, or any at all for `seconds`. */
  recorder: z.object({
    ...common(60),
    agent: pattern.optional(),
    rows: count.optional(),
    seconds: seconds.min(1).optional(),
  }),
  /**
   * Less than `free_gb` left (GB): in `folder` on the alarm agent's machine, or by default where a recorder
   * writes.
   */
  disk: z.object({
    ...common(0),
    folder: z.string().min(1).optional(),
    agent: pattern.optional(),
    free_gb: z.number().positive(),
    clear_gb: z.number().positive().optional(),
  }),
  /** An agent that holds `rows` or more unrecorded rows. */
  spool: z.object({ ...common(60), agent: pattern, rows: count, clear_rows: count.optional() }),
} as const
export type RuleKind = keyof typeof ruleKinds
export type RuleOf<K extends RuleKind> = z.output<(typeof ruleKinds)[K]> & { readonly kind: K }
export type Rule = { [K in RuleKind]: RuleOf<K> }[RuleKind]

const timing = {
  name: Name,
  /** Whether the action also runs when an alarm is over. */
  clear: z.boolean().default(false),
  timeout: seconds.min(1).max(600).default(30),
}
/** An action on an alarm; exactly one of `command`, `email` and `webhook`. */
export const Action = z.object({
  ...timing,
  /** A program with its arguments, run without a shell. */
  command: z.array(z.string()).min(1).optional(),
  /** The recipients' addresses. */
  email: z
    .array(z.string().regex(/^\S+@\S+$/, 'an e-mail address'))
    .min(1)
    .optional(),
  /** Where the alarm is posted as JSON. */
  webhook: z
    .string()
    .refine((url) => /^https?:$/.test(URL.parse(url)?.protocol ?? ''), 'http://… or https://…')
    .optional(),
})
export type Action = z.output<typeof Action>

/** How e-mail is sent. */
export const Mail = z.object({
  server: z
    .string()
    .refine(
      (url) => /^smtps?:$/.test(URL.parse(url)?.protocol ?? ''),
      'smtp://HOST[:PORT] or smtps://HOST[:PORT]',
    )
    .refine((url) => !URL.parse(url)?.username, 'no name in it: give user and password_file'),
  from: z.string().regex(/^\S+@\S+$/, 'an e-mail address'),
  user: z.string().min(1).optional(),
  password_file: z.string().min(1).optional(),
  password_env: z.string().min(1).optional(),
})
export type Mail = z.output<typeof Mail>

/** The whole `alarms:` section. */
export interface AlarmSettings {
  readonly mail: Mail | undefined
  readonly actions: readonly Action[]
  readonly rules: readonly Rule[]
}

/** A fault of a rule or an action: the key and what is wrong with it. */
export interface Fault {
  readonly key: string
  readonly text: string
}

/** Faults of an action whose keys are each valid on their own. */
export function actionFaults({ command, email, webhook }: Action, mail: Mail | undefined): Fault[] {
  const ways = Object.entries({ command, email, webhook }).flatMap(([key, given]) => (given ? [key] : []))
  if (ways.length === 0) return [{ key: 'name', text: 'it has no action: give command, email or webhook' }]
  if (ways.length > 1)
    return [{ key: ways[1] ?? '', text: `${ways.join(' and ')} are two actions: give each its own name` }]
  if (email && !mail)
    return [
      {
        key: 'email',
        text: 'no mail server: add mail: {server: smtp://…, from: …} to alarms',
      },
    ]
  return []
}

/** Faults of a mail server whose keys are each valid on their own. */
export function mailFaults({ user, password_env, password_file }: Mail): Fault[] {
  const ways = [password_file, password_env].filter((given) => given !== undefined).length
  if (ways === 2) return [{ key: 'password_env', text: 'password_file sets it already: keep one of them' }]
  if (ways === 1 && !user) return [{ key: 'server', text: 'a password without a user: add user' }]
  if (user && ways === 0) return [{ key: 'user', text: 'no password: give password_file or password_env' }]
  return []
}

/**
 * Faults of a rule whose keys are each valid on their own.
 * @param known the actions and instances that exist, if these are known
 */
export function ruleFaults(
  rule: Rule,
  known: { readonly actions: readonly string[]; readonly instances: readonly string[] | undefined },
): Fault[] {
  const faults = (rule.actions ?? [])
    .filter((name) => !known.actions.includes(name))
    .map((name) => ({
      key: 'actions',
      text: notFound('no action', name, known.actions),
    }))
  switch (rule.kind) {
    case 'limit':
    case 'rate':
      return [...faults, ...limitFaults(rule), ...patternFaults('field', rule.field, 3, known.instances)]
    case 'stale':
      return [...faults, ...patternFaults('field', rule.field, 3, known.instances)]
    case 'op':
      return [...faults, ...patternFaults('op', rule.op, 2, known.instances)]
    case 'disk':
      return [...faults, ...diskFaults(rule), ...patternFaults('agent', rule.agent, 1, known.instances)]
    case 'spool':
      if (rule.clear_rows !== undefined && rule.clear_rows > rule.rows)
        faults.push({ key: 'clear_rows', text: `clear_rows takes at most rows, ${rule.rows}` })
      return [...faults, ...patternFaults('agent', rule.agent, 1, known.instances)]
    case 'agent':
    case 'recorder':
      return [...faults, ...patternFaults('agent', rule.agent, 1, known.instances)]
  }
}

function limitFaults({ low, high, clear_low, clear_high }: RuleOf<'limit'> | RuleOf<'rate'>): Fault[] {
  if (low === undefined && high === undefined)
    return [{ key: 'name', text: 'no limit: give low, high or both' }]
  if (low !== undefined && high !== undefined && low >= high)
    return [{ key: 'low', text: `low takes less than high, ${high}` }]
  if (clear_low !== undefined && low === undefined)
    return [{ key: 'clear_low', text: 'clear_low without low' }]
  if (clear_high !== undefined && high === undefined)
    return [{ key: 'clear_high', text: 'clear_high without high' }]
  if (clear_low !== undefined && clear_low < (low ?? 0))
    return [{ key: 'clear_low', text: `clear_low takes low, ${low}, or more` }]
  if (clear_high !== undefined && clear_high > (high ?? 0))
    return [{ key: 'clear_high', text: `clear_high takes high, ${high}, or less` }]
  const [from, to] = [clear_low ?? low, clear_high ?? high]
  if (from !== undefined && to !== undefined && from > to)
    return [
      { key: 'clear_low', text: `no value is above ${from} and below ${to}, so the alarm could never clear` },
    ]
  return []
}

function diskFaults({ folder, agent, free_gb, clear_gb }: RuleOf<'disk'>): Fault[] {
  if (folder !== undefined && agent !== undefined)
    return [{ key: 'agent', text: 'folder is given too: keep one of them' }]
  if (clear_gb !== undefined && clear_gb < free_gb)
    return [{ key: 'clear_gb', text: `clear_gb takes free_gb, ${free_gb}, or more` }]
  return []
}

const SHAPES = ['', 'INSTANCE', 'INSTANCE.OPERATION', 'INSTANCE.FEED.FIELD']

/** Checks that a pattern without wildcards has all its parts and names an instance of the site. */
function patternFaults(
  key: string,
  text: string | undefined,
  parts: 1 | 2 | 3,
  instances: readonly string[] | undefined,
): Fault[] {
  if (text === undefined) return []
  const words = text.split('.')
  if (!isWild(text) && words.length !== parts)
    return [{ key, text: `${key} takes ${SHAPES[parts]}, * and ? allowed, given "${text}"` }]
  const [instance = ''] = words
  if (isWild(instance) || !instances || instances.includes(instance)) return []
  return [{ key, text: `no instance "${instance}" in this file: ${nearOr(instance, instances)}` }]
}
