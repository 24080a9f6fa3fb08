import { Command } from 'commander'
import { lastValues } from '../../lab/last-values.ts'
import type { SiteOptions } from '../../launch/choose-site.ts'
import { type Controlled, joinLab, knownInstance, knownOp, type WithLab } from '../../launch/join-lab.ts'
import type { Context } from '../../terminal/context.ts'
import {
  instanceStatus,
  listJson,
  listTable,
  opStatus,
  statusJson,
  statusTable,
} from '../../terminal/status-tables.ts'
import { siteFlags } from '../site-flags.ts'
import { alarmsCommand } from './alarms.ts'
import { forgetCommand } from './forget.ts'
import { historyCommand } from './history.ts'
import { listen } from './listen.ts'
import { lockCommand, unlockCommand } from './lock.ts'
import { noteCommand } from './note.ts'
import { opCommand } from './op.ts'
import { shell } from './shell.ts'

interface CtrlFlags extends SiteOptions {
  readonly json?: boolean
}

/** `ocs ctrl`: starts, stops and asks operations of running agents, and shows what they do and say. */
export function ctrlCommand(context: Context): Command {
  const command = ctrlCommands(context, joinLab)
  siteFlags(
    command.command('shell').description('Type these commands without "ocs ctrl"; tab completes.'),
  ).action((flags: CtrlFlags) => joinLab(flags, context, (on) => shell(on, ctrlCommands, context)))
  return command
}

/** All of them but the shell, which lends them its lab. */
function ctrlCommands(context: Context, withLab: WithLab): Command {
  const command = new Command('ctrl').description('Control running agents.')
  const show = (work: (on: Controlled) => Promise<void> | void, flags: CtrlFlags) =>
    withLab(flags, context, async (on) => work(on), { quiet: true })
  const print = (json: boolean | undefined, data: () => unknown, text: () => string) =>
    context.out(json ? `${JSON.stringify(data())}\n` : text())

  siteFlags(command.command('ls').description('The agents there are, with their operations.'))
    .option('--json', 'print as JSON')
    .action((flags: CtrlFlags) =>
      show(
        (on) =>
          print(
            flags.json,
            () => listJson(on.lab),
            () => listTable(on.lab, on.expected),
          ),
        flags,
      ),
    )
  siteFlags(command.command('status').description('What every agent is doing; what one is, in detail.'))
    .argument('[instance]', 'only this one, with its feeds')
    .argument('[op]', 'only this operation, with its data and messages')
    .option('--json', 'print as JSON')
    .action((instance: string | undefined, op: string | undefined, flags: CtrlFlags) =>
      show((on) => status(on, instance, op, (data, text) => print(flags.json, data, text)), flags),
    )
  for (const action of ['start', 'stop', 'abort', 'wait'] as const)
    command.addCommand(opCommand(action, context, withLab))
  for (const create of [
    historyCommand,
    alarmsCommand,
    lockCommand,
    unlockCommand,
    noteCommand,
    forgetCommand,
  ])
    command.addCommand(create(context, withLab))
  siteFlags(command.command('listen').description('Print what agents publish, a line a message.'))
    .argument('<pattern...>', 'such as ls240/feeds/+, +/events, ls240/#')
    .option('--json', 'print JSON lines')
    .action((patterns: string[], flags: CtrlFlags) =>
      show((on) => listen(on, patterns, flags.json === true, context), flags),
    )
  return command
}

async function status(
  on: Controlled,
  instance: string | undefined,
  op: string | undefined,
  print: (data: () => unknown, text: () => string) => void,
): Promise<void> {
  const { lab, expected } = on
  if (instance === undefined)
    return print(
      () => statusJson(lab),
      () => statusTable(lab, expected),
    )
  const view = knownInstance(on, instance)
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
