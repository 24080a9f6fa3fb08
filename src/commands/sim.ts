import { createInterface } from 'node:readline'
import { Command } from 'commander'
import { z } from 'zod'
import { numberFlag } from '../core/arguments/number-flag.ts'
import { messageOf, UsageError } from '../core/errors.ts'
import { aborted } from '../core/pause.ts'
import { findSimulators, simulatedModule } from '../launch/simulators.ts'
import { obey, parseFault } from '../simulators/fault-words.ts'
import type { SimulatorKind } from '../simulators/index.ts'
import type { Simulator, SimulatorOptions } from '../simulators/simulator.ts'
import type { Context } from '../terminal/context.ts'
import { createLog } from '../terminal/log.ts'
import { examples } from './help.ts'

const HELP = `
Faults, which --interactive also accepts while it runs: garbage, missing, nul, half-line, duplicate, delay, split, disconnect, reboot (with
ms=, times=, chance=), hang, serial-number serialNumber=, overload channel= (instruments with inputs), value field= value= (instruments from a table). Typed in only: clear [FAULT], unplug, plug.`

interface Faulty {
  fault?: string[]
  interactive?: true
}

/** Where an instrument can be served, as options. */
const linkOptions = {
  pty: ['--pty <path>', 'serve on a pseudo-terminal behind a symbolic link at this path'],
  tcp: ['--tcp <host:port>', 'serve on TCP'],
  udp: ['--udp <host:port>', 'serve on UDP'],
  dir: ['--dir <folder>', 'write files into this folder'],
} as const

/** Where an example serves. */
const AT = {
  pty: '--pty=/tmp/ttyLS240',
  tcp: '--tcp=127.0.0.1:7777',
  udp: '--udp=127.0.0.1:1161',
  dir: '--dir=/tmp/bluefors',
} as const

/** Applies faults typed in or piped in, one per line. */
function listen({ input }: Context, simulator: Simulator, log: (text: string) => void): void {
  if (!input) return
  const lines = createInterface({ input, terminal: false })
  lines.on('line', (line) => {
    if (line.trim() === '') return
    obey(simulator, line).then(log, (error) => log(messageOf(error)))
  })
}

/**
 * `ocs sim KIND`: an instrument that behaves like the real one, on a pseudo-terminal or a TCP port. The kinds come from
 * the declarations of agents, loaded only for a command line with `sim`.
 */
export async function simCommand(context: Context, argv: readonly string[]): Promise<Command> {
  const command = new Command('sim')
    .description('Run a simulated instrument.')
    .addHelpText('after', examples('ocs sim lakeshore240 --serial-number=LSA21OQ --pty=/tmp/ttyLS240'))
  const at = argv.indexOf('sim')
  if (at < 0) return command
  for (const [name, kind] of Object.entries(await findSimulators(argv[at + 1])))
    withOptions(command.command(name).description(kind.help), kind.links)
      .addHelpText('after', examples(`ocs sim ${name} --serial-number=LSA1 ${AT[kind.links[0] ?? 'tcp']}`))
      .action((options: Given) => runSimulator(name, kind, options, context))
  const own = command.command('module').description('Simulate an instrument of your own from its table.')
  withOptions(own.argument('<file>', 'a module that exports the table as "simulated"'), ['pty', 'tcp', 'udp'])
    .addHelpText('after', examples('ocs sim module ./gauge.ts --serial-number=1 --tcp=127.0.0.1:7000'))
    .action(async (file: string, options: Given) =>
      runSimulator(file, await simulatedModule(file), options, context),
    )
  return command
}

type Given = SimulatorOptions & Faulty

async function runSimulator(
  name: string,
  { links, start }: Pick<SimulatorKind, 'links' | 'start'>,
  { fault = [], interactive, ...options }: Given,
  context: Context,
): Promise<void> {
  if (links.filter((link) => options[link] !== undefined).length !== 1) {
    const ways = links.map((link) =>
      linkOptions[link][0].replace(/<.*/, (word) => word.slice(1, -1).toUpperCase()),
    )
    throw new UsageError(
      `ocs sim ${name}: give ${ways.length > 1 ? `one of ${ways.join(' and ')}` : ways[0]}`,
    )
  }
  const faults = fault.map(parseFault)
  const simulator = await start(options)
  for (const one of faults) simulator.faults.inject(...one)
  const log = createLog(context, 'text')
  log(`${name} ${options.serialNumber} at ${simulator.url}`)
  if (interactive) listen(context, simulator, log)
  await aborted(context.signal)
  await simulator.close()
}

const number = (flag: string) => numberFlag(flag, z.number(), 'a number')

function withOptions(command: Command, links: SimulatorKind['links']): Command {
  for (const [flag, help] of links.map((link) => linkOptions[link])) command.option(flag, help)
  return command
    .requiredOption('--serial-number <text>', 'what *IDN? says')
    .option(
      '--speed <factor>',
      'pace of the cooldown; 1: an hour from 300 K to base; negative: it warms up',
      number('--speed'),
    )
    .option('--seed <n>', 'random seed of temperatures, noise and faults', number('--seed'))
    .option('--start-at <where>', 'fraction of the cooldown, or a temperature such as 77K')
    .option('--latency <ms>', 'delay of each reply', number)
    .option('--truth <file>', 'append each reading sent, as JSON lines')
    .option(
      '--fault <fault>',
      'a fault to begin with, such as "missing chance=0.1 times=1000"; may be repeated',
      (text: string, before: string[] = []) => [...before, text],
    )
    .option('--interactive', 'accept faults typed in, one per line')
    .option('--counter', 'send readings 1, 2, 3, … instead of simulated physics')
    .addHelpText('after', HELP)
}
