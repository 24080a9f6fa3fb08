import { Command } from 'commander'
import type { AuditEntry } from '../../core/channels.ts'
import { statePath } from '../../machine/state-path.ts'
import { readAudit } from '../../principals/audit-file.ts'
import type { Context } from '../../terminal/context.ts'
import { at, table } from '../../terminal/table.ts'
import { examples } from '../help.ts'

/** `ocs hub refused`: who was refused what, the latest last. */
export function refusedCommand(context: Context): Command {
  return new Command('refused')
    .description('List what this hub has refused, to whom and how often.')
    .option('--state-dir <folder>', 'the state folder of the hub')
    .option('--json', 'print it as JSON')
    .addHelpText('after', examples('ocs hub refused', 'ocs hub refused --json'))
    .action(({ stateDir, json }: { stateDir?: string; json?: boolean }) => {
      const entries = readAudit(statePath(stateDir, context.env)).filter(({ kind }) => kind === 'refused')
      const all = grouped(entries)
      if (json) return context.out(`${JSON.stringify(all)}\n`)
      if (all.length === 0) return context.out('nothing has been refused\n')
      const rows = all.map(({ time, times, principal, client, from, why }) => [
        at(time),
        String(times),
        principal,
        client,
        from,
        why ?? '',
      ])
      context.out(table([['LAST', 'TIMES', 'WHO', 'CLIENT', 'FROM', 'WHY'], ...rows]))
    })
}

/** One for each who, from where and why: the latest, with how often. */
function grouped(entries: readonly AuditEntry[]): (AuditEntry & { times: number })[] {
  const groups = Map.groupBy(entries, ({ principal, from, why }) =>
    JSON.stringify([principal, from.replace(/:\d+$/, ''), why]),
  )
  return [...groups.values()].flatMap((group) => {
    const latest = group.at(-1)
    const times = group.reduce((sum, { times: more = 1 }) => sum + more, 0)
    return latest ? [{ ...latest, times }] : []
  })
}
