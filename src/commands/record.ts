import { join } from 'node:path'
import { Command } from 'commander'
import { severalFlag } from '../core/arguments/several-flag.ts'
import { secondsOf } from '../core/arguments/time-units.ts'
import { messageOf, OpError, UsageError } from '../core/errors.ts'
import { type AgentFlags, argumentError, findRole } from '../launch/agent-role.ts'
import { checkArguments } from '../launch/check-arguments.ts'
import { mustBeNew, recordDialog } from '../launch/record-dialog.ts'
import { isLocked } from '../machine/lock-file.ts'
import { lockHolder } from '../machine/lock-holder.ts'
import { statePath } from '../machine/state-path.ts'
import type { Context } from '../terminal/context.ts'
import { createLog } from '../terminal/log.ts'
import { examples, formerly } from './help.ts'
import { siteFlags } from './site-flags.ts'

interface RecordFlags extends AgentFlags {
  readonly out: string
  readonly seconds: string
  readonly task: readonly string[]
  readonly force?: boolean
  readonly stateDir?: string
}

/** `ocs record ls240 --out=dialog.yaml`: turns the conversation with a real instrument into a fixture for `replay:`. */
export function recordCommand(context: Context): Command {
  const command = new Command('record')
    .description('Record what an instance and its instrument say to each other, for replay.')
    .argument('<instance>', 'which instance of the site file; its agent must not run at the same time')
    .requiredOption('-o, --out <file>', 'the dialog to write: a YAML map of command to reply')
    .option(
      '--seconds <time>',
      'how long to record once the instrument is connected: seconds, or 10min, 2h',
      '10',
    )
    .option(
      '--task <words>',
      'a task to run as well: its name, and parameters as JSON; may be repeated',
      severalFlag,
      [],
    )
    .option('--force', 'overwrite the file')
    .option('--state-dir <folder>', 'state folder of its agent, to check whether it is running')
    .option('--module <file>', 'a module that declares the agent, in place of a bundled one')
  formerly(command, '--output', '--out', context)
  return siteFlags(command)
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText(
      'after',
      '\nFlags of the agent may be added: ocs record ls240 --out=dialog.yaml --port=/dev/ttyUSB0',
    )
    .addHelpText(
      'after',
      examples(
        'ocs record ls240 --out=dialog.yaml',
        `ocs record ls240 --out=dialog.yaml --seconds=2min --task='get_values {"channel": 1}'`,
      ),
    )
    .action((instance: string, flags: RecordFlags, self: Command) =>
      record({ ...flags, instanceId: instance }, self.args.slice(1), context),
    )
}

async function record(flags: RecordFlags, given: readonly string[], context: Context): Promise<void> {
  const patience = secondsOf('--seconds', flags.seconds)
  mustBeNew(flags.out, flags.force)
  const tasks = flags.task.map(parseTask)
  const log = createLog(context, flags.logFormat ?? 'text')
  const { agent, instance, chosen } = await findRole(flags, context)
  mustNotRun(instance.instance_id, chosen.root, flags, context.env)
  const { faults, values } = checkArguments(agent, instance.arguments, given, context.env)
  if (faults.length > 0 || !values) throw argumentError(instance.instance_id, faults)
  await recordDialog({
    agent,
    args: values,
    root: chosen.root,
    instance: instance.instance_id,
    tasks,
    seconds: patience,
    file: flags.out,
    signal: context.signal,
    log,
  })
}

/** @throws OpError while the instance's agent runs here: two that talk to one instrument take each other's replies */
function mustNotRun(id: string, root: string, flags: RecordFlags, env: Context['env']): void {
  const lock = join(statePath(flags.stateDir, env), root, `${id}.sqlite.lock`)
  if (!isLocked(lock)) return
  const by = lockHolder(lock) ?? 'another process'
  throw new OpError(
    `${id} is run by ${by}: stop it first, because an instrument can talk to only one program, and start it again afterwards`,
  )
}

function parseTask(text: string): { op: string; params: Record<string, unknown> } {
  const [, op = '', json] = /^\s*(\S+)\s*(.*)$/s.exec(text) ?? []
  try {
    return { op, params: json ? (JSON.parse(json) as Record<string, unknown>) : {} }
  } catch (error) {
    throw new UsageError(`--task ${text}: the parameters are not JSON: ${messageOf(error)}`)
  }
}
