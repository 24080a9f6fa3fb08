import { Command } from 'commander'
import { OpError, TransportError, UsageError } from '../../core/errors.ts'
import { ResponseCode, toldOf } from '../../core/ops.ts'
import type { SiteOptions } from '../../launch/choose-site.ts'
import { type Controlled, joinLab } from '../../launch/join-lab.ts'
import type { Context } from '../../terminal/context.ts'
import { examples } from '../help.ts'
import { labFlags } from '../site-flags.ts'

interface RefillFlags extends SiteOptions {
  readonly target?: string
}

/** Seconds that looking for files may take. */
const PATIENCE = 60
const OP = 'refill'

/** `ocs aggregate refill`: makes a recorder fetch the contents of moved or lost files again. */
export function refillCommand(context: Context): Command {
  return labFlags(new Command('refill'))
    .description('Fetch the data of lost files again, as far as agents still hold it.')
    .option('--target <instance>', 'the recorder, where several run')
    .addHelpText('after', examples('ocs aggregate refill', 'ocs aggregate refill --target=aggregator'))
    .action((flags: RefillFlags) => joinLab(flags, context, (on) => refill(on, flags.target, context)))
}

async function refill(on: Controlled, target: string | undefined, context: Context): Promise<void> {
  const recorders = [...on.lab.instances].filter(([, { state, api }]) => state === 'online' && api?.ops[OP])
  const names = recorders.map(([instance]) => instance).sort()
  const [only] = names
  if (only === undefined) throw new TransportError('no recorder runs: start it (ocs aggregate)')
  if (target === undefined && names.length > 1)
    throw new UsageError(`several recorders run: name one with --target (${names.join(', ')})`)
  const recorder = target ?? only
  if (!names.includes(recorder))
    throw new TransportError(`${recorder} is no recorder that runs: there are ${names.join(', ')}`)
  for (const [action, params] of [
    ['start', {}],
    ['wait', {}],
  ] as const) {
    const { status, msg, session } = await on.ask.request(recorder, OP, action, params, PATIENCE)
    const said = toldOf(session) || msg
    if (status !== ResponseCode.OK || (action === 'wait' && session.success !== true))
      throw new OpError(`${recorder}: ${said}`)
    if (action === 'wait') context.out(`${recorder}: ${said}\n`)
  }
}
