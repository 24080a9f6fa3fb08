import { Command } from 'commander'
import { lastValues } from '../../lab/last-values.ts'
import type { SiteOptions } from '../../launch/choose-site.ts'
import { type Controlled, knownInstance, knownOp, type WithLab } from '../../launch/join-lab.ts'
import type { Context } from '../../terminal/context.ts'
import { instanceStatus, opStatus, statusJson, statusTable } from '../../terminal/status-tables.ts'
import { examples } from '../help.ts'
import { labFlags } from '../site-flags.ts'

interface StatusFlags extends SiteOptions {
  readonly json?: boolean
}

/** `ocs ctrl status [INSTANCE [OP]]`: what agents are doing. */
export function statusCommand(context: Context, withLab: WithLab): Command {
  return labFlags(new Command('status'))
    .description('Show what every agent is doing, or one in detail.')
    .argument('[instance]', 'only this one, with its feeds')
    .argument('[op]', 'only this operation, with its data and messages')
    .option('--json', 'print as JSON')
    .addHelpText(
      'after',
      examples('ocs ctrl status', 'ocs ctrl status ls240', 'ocs ctrl status ls240 acq --json'),
    )
    .action((instance: string | undefined, op: string | undefined, flags: StatusFlags) => {
      const print: Print = (data, text) => context.out(flags.json ? `${JSON.stringify(data())}\n` : text())
      return withLab(flags, context, (on) => status(on, instance, op, print))
    })
}

/** Prints one of the two. */
type Print = (data: () => unknown, text: () => string) => void

async function status(
  on: Controlled,
  instance: string | undefined,
  op: string | undefined,
  print: Print,
): Promise<void> {
  const { lab, expected } = on
  if (instance === undefined)
    return print(
      () => statusJson(lab),
      () => statusTable(lab, expected),
    )
  const view = await knownInstance(on, instance)
  const now = Date.now() / 1000
  if (op !== undefined) {
    knownOp(instance, view, op)
    return print(
      () => ({ instance, op, state: view.state, session: view.sessions.get(op) ?? null }),
      () => opStatus(instance, op, view, now),
    )
  }
  await using last = await lastValues(on.bus, on.root, instance)
  await lab.settled()
  print(
    () => statusJson(lab, instance, last.values),
    () => instanceStatus(instance, view, last.values, now),
  )
}
