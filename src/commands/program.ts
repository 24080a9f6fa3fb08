import { Command } from 'commander'
import { description, version } from '../launch/version.ts'
import type { Context } from '../terminal/context.ts'
import { agentCommand } from './agent.ts'
import { aggregateCommand } from './aggregate.ts'
import { auditCommand } from './audit.ts'
import { bridgeCommand } from './bridge.ts'
import { chaosCommand } from './chaos.ts'
import { checkCommand } from './check.ts'
import { completeCommand, completionCommand } from './completion.ts'
import { ctrlCommand } from './ctrl/ctrl.ts'
import { datanodeCommand } from './datanode.ts'
import { demoCommand } from './demo.ts'
import { downCommand } from './down.ts'
import { exportCommand } from './export.ts'
import { grafanaCommand } from './grafana.ts'
import { hubCommand } from './hub.ts'
import { logsCommand } from './logs.ts'
import { newCommand } from './new.ts'
import { plotCommand } from './plot.ts'
import { psCommand } from './ps.ts'
import { recordCommand } from './record.ts'
import { scriptCommand } from './run.ts'
import { runCommand } from './run-command.ts'
import { simCommand } from './sim.ts'
import { spoolCommand } from './spool.ts'
import { statusCommand } from './status.ts'
import { systemdCommand } from './systemd.ts'
import { testCommand } from './test.ts'
import { upCommand } from './up.ts'

/** Every subcommand; a new one is a file and a line here. */
const commands = [
  demoCommand,
  hubCommand,
  agentCommand,
  aggregateCommand,
  datanodeCommand,
  bridgeCommand,
  grafanaCommand,
  upCommand,
  downCommand,
  psCommand,
  logsCommand,
  statusCommand,
  checkCommand,
  chaosCommand,
  systemdCommand,
  ctrlCommand,
  auditCommand,
  spoolCommand,
  exportCommand,
  plotCommand,
  simCommand,
  recordCommand,
  newCommand,
  testCommand,
  scriptCommand,
  completionCommand,
]

/**
 * Runs one command line.
 * @returns the exit code: 0 done, 1 failed, 2 usage or configuration, 3 unreachable or timed out
 */
export async function run(argv: readonly string[], context: Context): Promise<number> {
  const program = new Command('ocs').description(description).version(version).enablePositionalOptions()
  for (const create of commands) program.addCommand(await create(context, argv))
  program.addCommand(completeCommand(context), { hidden: true })
  return await runCommand(program, argv, context)
}
