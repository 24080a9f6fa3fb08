import { Command } from 'commander'
import { z } from 'zod'
import { numberFlag } from '../../core/arguments/number-flag.ts'
import { AUDIT_QUERY, AuditAnswer, HistoryAnswer, MOST_AUDITED } from '../../core/built-in.ts'
import type { AuditEntry } from '../../core/channels.ts'
import { duration } from '../../core/duration.ts'
import { messageOf, UsageError } from '../../core/errors.ts'
import { HUB } from '../../core/names.ts'
import type { OpSession } from '../../core/ops.ts'
import { oneLine } from '../../core/printable.ts'
import { codeName, degradedTimes, endedBy, lastMessage } from '../../lab/session-text.ts'
import type { SiteOptions } from '../../launch/choose-site.ts'
import { type Controlled, knownOp, runningInstance, type WithLab } from '../../launch/join-lab.ts'
import type { Context } from '../../terminal/context.ts'
import { at, table } from '../../terminal/table.ts'
import { onOneLine } from '../../terminal/value-text.ts'
import { examples } from '../help.ts'
import { labFlags } from '../site-flags.ts'

interface HistoryFlags extends SiteOptions {
  readonly limit: number
  readonly json?: boolean
  readonly audit?: boolean
}
interface Past {
  readonly instance: string
  readonly session: OpSession
}

const atMost = numberFlag('--limit', z.int().min(1).max(10_000), 'a number from 1 to 10000')

/** `ocs ctrl history [INSTANCE [OP]]`: who started what, from where, when, with what, and how it ended. */
export function historyCommand(context: Context, withLab: WithLab): Command {
  return labFlags(new Command('history'))
    .description('Show past sessions, newest first: who started them, with which parameters, how they ended.')
    .argument('[instance]', 'only this one')
    .argument('[op]', 'only of this operation')
    .option('-n, --limit <count>', 'at most this many', atMost, 20)
    .option('--json', 'print as JSON')
    .option('--audit', 'what the hub accepted, refused and cut off, from whom and where; for administrators')
    .addHelpText(
      'after',
      examples('ocs ctrl history', 'ocs ctrl history ls240 set_values --limit=5', 'ocs ctrl history --audit'),
    )
    .action((instance: string | undefined, op: string | undefined, flags: HistoryFlags) => {
      const { limit } = flags
      return withLab(flags, context, async (on) => {
        if (flags.audit) {
          if (op !== undefined) throw new UsageError('--audit takes an instance at most')
          const { entries } = await auditOf(on, instance, limit)
          return context.out(flags.json ? `${JSON.stringify(entries)}\n` : auditTable(entries))
        }
        const found = instance === undefined ? await ofAll(on, limit) : await of(on, instance, op, limit)
        const rows = found.map(({ instance: of, session }) => ({ instance: of, ...session }))
        context.out(flags.json ? `${JSON.stringify(rows)}\n` : historyText(found, limit, Date.now() / 1000))
      })
    })
}

async function of(on: Controlled, instance: string, op: string | undefined, limit: number): Promise<Past[]> {
  const view = await runningInstance(on, instance)
  if (op !== undefined) knownOp(instance, view, op)
  const params = { limit, ...(op !== undefined && { op }) }
  const { sessions } = HistoryAnswer.parse(await on.ask.query(instance, 'history', params))
  return sessions.map((session) => ({ instance, session }))
}

/** Of everyone who runs; one that does not answer spoils nothing. */
async function ofAll(on: Controlled, limit: number): Promise<Past[]> {
  const names = [...on.lab.instances].filter(([, { state }]) => state === 'online').map(([name]) => name)
  const each = names.map((name) =>
    of(on, name, undefined, limit).catch((error: unknown) => {
      on.log(`left out: ${messageOf(error)}`)
      return []
    }),
  )
  const all = (await Promise.all(each)).flat()
  return all.sort((a, b) => b.session.start_time - a.session.start_time).slice(0, limit)
}

/** @throws OpError without administrator rights; TransportError when no hub with an audit log answers */
async function auditOf({ ask }: Controlled, instance: string | undefined, limit: number) {
  if (limit > MOST_AUDITED)
    throw new UsageError(
      `--limit takes at most ${MOST_AUDITED} with --audit; all is in STATE/hub/audit.jsonl`,
    )
  const params = { limit, ...(instance !== undefined && { instance }) }
  return AuditAnswer.parse(await ask.query(HUB, AUDIT_QUERY, params))
}

function auditTable(entries: readonly AuditEntry[]): string {
  if (entries.length === 0) return 'nothing is kept\n'
  const rows = entries
    .toReversed()
    .map((entry) => [
      at(entry.time),
      entry.kind,
      entry.principal,
      `${entry.client}, ${entry.from}`,
      [entry.instance, entry.what].filter((word) => word !== undefined).join(' '),
      oneLine(entry.params ?? ''),
      oneLine(`${entry.why ?? ''}${entry.times ? ` (${entry.times} times)` : ''}`),
    ])
  return table([['TIME', 'KIND', 'WHO', 'FROM', 'WHAT', 'WITH', 'WHY'], ...rows])
}

function historyText(found: readonly Past[], limit: number, now: number): string {
  if (found.length === 0) return 'nothing has run yet\n'
  return `${historyTable(found, now)}${degradedTable(found, limit, now)}`
}

function historyTable(found: readonly Past[], now: number): string {
  const rows = found.map(({ instance, session }) => [
    at(session.start_time),
    instance,
    session.op_name,
    codeName(session.op_code),
    duration((session.end_time ?? now) - session.start_time),
    oneLine(session.started_from ?? session.started_by),
    onOneLine(session.params ?? {}),
    endedBy(session),
    lastMessage(session),
  ])
  const head = ['STARTED', 'INSTANCE', 'OPERATION', 'STATE', 'TOOK', 'BY', 'WITH', 'ENDED BY', 'LAST MESSAGE']
  return table([head, ...rows])
}

/** When these sessions were degraded, the newest first; '' where none was. A session that is well again shows it nowhere else. */
function degradedTable(found: readonly Past[], limit: number, now: number): string {
  const all = found
    .flatMap(({ instance, session }) =>
      degradedTimes(session).map((time) => ({ instance, op: session.op_name, ...time })),
    )
    .sort((a, b) => b.start - a.start)
  if (all.length === 0) return ''
  const rows = all
    .slice(0, limit)
    .map(({ instance, op, start, end, why }) => [
      at(start),
      instance,
      op,
      end === null ? `${duration(now - start)} so far` : duration(end - start),
      why,
    ])
  const left = all.length - rows.length
  const more = left > 0 ? `${left} earlier ones: --limit shows more, --json all\n` : ''
  return `\n${table([['DEGRADED', 'INSTANCE', 'OPERATION', 'FOR', 'WHY'], ...rows])}${more}`
}
