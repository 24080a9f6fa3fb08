import { resolve } from 'node:path'
import { Command } from 'commander'
import { messageOf, OpError, UsageError } from '../core/errors.ts'
import { importOwn, mustBeReadable } from '../launch/own-module.ts'
import type { Context } from '../terminal/context.ts'
import { examples } from './help.ts'

/** The default export of a script; it is called with a `Script` of `src/ocs.ts`. */
type Main = (script: { readonly args: readonly string[]; readonly signal: AbortSignal }) => unknown

/** `ocs run SCRIPT`: runs a program of the lab's own, which imports `connect` from `ocs`. */
export function scriptCommand(context: Context): Command {
  return new Command('run')
    .description('Run a script of your own, such as a measurement.')
    .argument(
      '<script>',
      'a TypeScript or JavaScript module: export default async ({ args, signal }) => { … }',
    )
    .argument('[words...]', 'passed to the script as args, flags included')
    .passThroughOptions()
    .allowUnknownOption()
    .addHelpText('after', examples('ocs run examples/measurement.ts --channel 6 --outputs 0,20,40'))
    .action(async (script: string, words: string[]) => {
      const main = await load(resolve(script))
      try {
        await main({ args: words, signal: context.signal })
      } catch (error) {
        throw told(error, context)
      }
    })
}

async function load(file: string): Promise<Main> {
  mustBeReadable(file)
  const module = await importOwn(file, '/')
  if (typeof module['default'] === 'function') return module['default'] as Main
  throw new UsageError(`${file} exports no function: export default async ({ args, signal }) => { … }`)
}

/** Reports what ended the script: each of several errors, the first one last. */
function told(error: unknown, context: Context): unknown {
  if (error instanceof SuppressedError) {
    const last = told(error.error, context)
    context.err(`ocs: cleaning up failed too: ${messageOf(last)}\n`)
    return told(error.suppressed, context)
  }
  if (context.signal.aborted && error === context.signal.reason) return new OpError('interrupted')
  return error
}
