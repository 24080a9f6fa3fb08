import { Command } from 'commander'
import { OpError, TransportError } from '../../core/errors.ts'
import { ResponseCode, toldOf } from '../../core/ops.ts'
import { whoAsks } from '../../lab/request-client.ts'
import type { SiteOptions } from '../../launch/choose-site.ts'
import type { Controlled, WithLab } from '../../launch/join-lab.ts'
import type { Context } from '../../terminal/context.ts'
import { examples } from '../help.ts'
import { labFlags } from '../site-flags.ts'

interface NoteFlags extends SiteOptions {
  readonly by?: string
}

/** Seconds that a note may take to be on disk. */
const PATIENCE = 10
const OP = 'note'

/** `ocs ctrl note "warmed up to 4 K"`: a logbook line that the recorder keeps and Grafana shows. */
export function noteCommand(context: Context, withLab: WithLab): Command {
  return labFlags(new Command('note'))
    .description('Add a note to the record; Grafana shows it at this time.')
    .argument('<text...>', 'text of the note')
    .option('--by <who>', 'who says it; your account and machine by default')
    .addHelpText('after', examples('ocs ctrl note "warmed up to 4 K"'))
    .action((words: string[], flags: NoteFlags) =>
      withLab(flags, context, (on) => note(on, words.join(' '), flags.by ?? whoAsks(), context)),
    )
}

async function note(on: Controlled, text: string, by: string, context: Context): Promise<void> {
  const keepers = [...on.lab.instances].filter(([, { state, api }]) => state === 'online' && api?.ops[OP])
  const [keeper] = keepers.map(([instance]) => instance).sort()
  if (keeper === undefined)
    throw new TransportError('no recorder is running to keep the note: start one (ocs aggregate)')
  for (const [action, params] of [
    ['start', { text, by }],
    ['wait', {}],
  ] as const) {
    const { status, msg, session } = await on.ask.request(keeper, OP, action, params, PATIENCE)
    if (status !== ResponseCode.OK || (action === 'wait' && session.success !== true))
      throw new OpError(`${keeper} did not keep the note: ${toldOf(session) || msg}`)
  }
  context.out(`${keeper} has noted it, by ${by}\n`)
}
