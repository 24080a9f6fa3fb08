import { Command, InvalidArgumentError } from 'commander'
import { UsageError } from '../core/errors.ts'
import { aborted } from '../core/pause.ts'
import { simulators } from '../simulators/index.ts'
import type { SimulatorOptions } from '../simulators/simulator.ts'
import type { Context } from './context.ts'
import { createLog } from './log.ts'

/** `ocs sim KIND`: an instrument that behaves as the real one, on a pseudo-terminal or a TCP port. */
export function simCommand(context: Context): Command {
  const command = new Command('sim').description('Run a simulated instrument.')
  for (const [name, kind] of Object.entries(simulators)) {
    command
      .command(name)
      .description(kind.help)
      .option('--pty <path>', 'serve on a pseudo-terminal behind a symbolic link at this path')
      .option('--tcp <host:port>', 'serve on TCP')
      .requiredOption('--serial-number <text>', 'what *IDN? says')
      .option('--speed <factor>', 'pace of the cooldown; 1: an hour from 300 K to base', number)
      .option('--seed <n>', 'of temperatures, noise and faults', number)
      .option('--start-at <where>', 'fraction of the cooldown, or a temperature such as 77K')
      .option('--latency <ms>', 'time that each reply takes', number)
      .option('--truth <file>', 'append each reading that was sent, as JSON lines')
      .option('--counter', 'readings are 1, 2, 3, … in place of physics')
      .action(async (options: SimulatorOptions) => {
        if ((options.pty === undefined) === (options.tcp === undefined)) {
          throw new UsageError(`ocs sim ${name}: give one of --pty PATH and --tcp HOST:PORT`)
        }
        const simulator = await kind.start(options)
        const log = createLog(context, 'text')
        log(`${name} ${options.serialNumber} at ${simulator.url}`)
        await aborted(context.signal)
        await simulator.close()
      })
  }
  return command
}

function number(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It has to be a number.')
  return value
}
