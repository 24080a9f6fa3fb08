import { Command } from 'commander'
import { description, version } from '../launch/version.ts'
import type { Context } from '../terminal/context.ts'
import { examples } from './help.ts'
import { addNamed, type Loaders } from './load-named.ts'
import { runCommand } from './run-command.ts'

type Create = (context: Context, argv: readonly string[]) => Command | Promise<Command>

/** Every subcommand by its name; a new one is a file and a line here. The one that is asked for is loaded, and no other. */
const commands: Loaders<Create> = {
  demo: async () => (await import('./demo.ts')).demoCommand,
  hub: async () => (await import('./hub.ts')).hubCommand,
  login: async () => (await import('./login.ts')).loginCommand,
  agent: async () => (await import('./agent.ts')).agentCommand,
  aggregate: async () => (await import('./aggregate.ts')).aggregateCommand,
  datanode: async () => (await import('./datanode.ts')).datanodeCommand,
  bridge: async () => (await import('./bridge.ts')).bridgeCommand,
  grafana: async () => (await import('./grafana.ts')).grafanaCommand,
  up: async () => (await import('./up.ts')).upCommand,
  down: async () => (await import('./down.ts')).downCommand,
  ps: async () => (await import('./ps.ts')).psCommand,
  logs: async () => (await import('./logs.ts')).logsCommand,
  status: async () => (await import('./status.ts')).statusCommand,
  check: async () => (await import('./check.ts')).checkCommand,
  report: async () => (await import('./report.ts')).reportCommand,
  backup: async () => (await import('./backup.ts')).backupCommand,
  restore: async () => (await import('./restore.ts')).restoreCommand,
  chaos: async () => (await import('./chaos.ts')).chaosCommand,
  systemd: async () => (await import('./systemd.ts')).systemdCommand,
  ctrl: async () => (await import('./ctrl/ctrl.ts')).ctrlCommand,
  audit: async () => (await import('./audit.ts')).auditCommand,
  archive: async () => (await import('./archive/archive.ts')).archiveCommand,
  backfill: async () => (await import('./backfill.ts')).backfillCommand,
  spool: async () => (await import('./spool.ts')).spoolCommand,
  export: async () => (await import('./export.ts')).exportCommand,
  plot: async () => (await import('./plot.ts')).plotCommand,
  sim: async () => (await import('./sim.ts')).simCommand,
  record: async () => (await import('./record.ts')).recordCommand,
  new: async () => (await import('./new.ts')).newCommand,
  test: async () => (await import('./test.ts')).testCommand,
  run: async () => (await import('./run.ts')).scriptCommand,
  docs: async () => (await import('./docs.ts')).docsCommand,
  completion: async () => (await import('./completion.ts')).completionCommand,
}

/** Commands that only other commands run; not in the help. */
const inner: Loaders<Create> = {
  'foreign-agent': async () => (await import('./inner/foreign-agent.ts')).foreignAgentCommand,
  'shared-runtime': async () => (await import('./inner/shared-runtime.ts')).sharedRuntimeCommand,
}

/** Flags that need no command. */
const VERSION: readonly string[] = ['-V', '--version']

/**
 * Runs one command line.
 * @returns the exit code: 0 done, 1 failed, 2 usage or configuration, 3 unreachable or timed out
 */
export async function run(argv: readonly string[], context: Context): Promise<number> {
  return await runCommand(await declared(argv, context), argv, context)
}

/** The commands that a command line is about, as they are declared. */
export async function declared(argv: readonly string[], context: Context): Promise<Command> {
  const program = new Command('ocs')
    .description(description)
    .version(version)
    .enablePositionalOptions()
    .addHelpText(
      'after',
      examples('ocs demo', 'ocs up --site-file=lab.yaml', 'ocs status --watch', 'ocs ctrl start'),
    )
  const [name = ''] = argv
  const hidden = Object.hasOwn(inner, name) ? await inner[name]?.() : undefined
  if (hidden) return program.addCommand(await hidden(context, argv), { hidden: true })
  if (VERSION.includes(name)) return program
  if (await addNamed(program, commands, name, (create) => create(context, argv))) {
    const { completeCommand } = await import('./completion.ts')
    program.addCommand(completeCommand(context), { hidden: true })
  }
  return program
}
