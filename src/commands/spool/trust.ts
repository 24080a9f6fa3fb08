import { join } from 'node:path'
import { Command } from 'commander'
import { ConfigError, UsageError } from '../../core/errors.ts'
import { knownRecorderKey } from '../../machine/recorder-key-file.ts'
import { statePath } from '../../machine/state-path.ts'
import { spoolsIn } from '../../runtime/spool/spool-files.ts'
import { isKey, trustedKeys, trustKey, trustPath } from '../../runtime/spool/trusted-recorders.ts'
import type { Context } from '../../terminal/context.ts'
import { examples } from '../help.ts'

interface TrustFlags {
  readonly stateDir?: string
  readonly addressRoot?: string
}

/** `ocs spool trust [KEY]`: the recorders whose acknowledgements the agents of this state folder accept. */
export function trustCommand(context: Context): Command {
  return new Command('trust')
    .description(
      'Trust a recorder that was moved to say what is recorded. Without a key, list the trusted ones.',
    )
    .argument('[key]', 'the recorder’s key, from the warning of an agent')
    .option('--state-dir <folder>', 'the folder of spools and sessions')
    .option('--address-root <root>', 'which site, where several share the folder')
    .addHelpText('after', examples('ocs spool trust'))
    .action((key: string | undefined, flags: TrustFlags) => {
      const state = statePath(flags.stateDir, context.env)
      const folder = join(state, rootIn(state, flags.addressRoot))
      if (key === undefined) {
        context.out(listOf(folder))
        return
      }
      if (!isKey(key))
        throw new UsageError(`"${key}" is no recorder's key: it has 64 digits, 0 to 9 and a to f`)
      if (!trustedKeys(folder).includes(key)) trustKey(folder, key, 'trusted')
      context.out(
        `${key} is trusted; to undo it, delete its line from ${trustPath(folder)} and restart the agents\n`,
      )
    })
}

function rootIn(state: string, wanted: string | undefined): string {
  const all = new Set(spoolsIn(state).map(({ root }) => root))
  const roots = [...all].filter((root) => wanted === undefined || root === wanted)
  const [only] = roots
  if (only === undefined) {
    const of = wanted === undefined ? '' : ` of the address root ${wanted}`
    throw new ConfigError(`no spools${of} in ${state}: name the agents' --state-dir`)
  }
  if (roots.length > 1)
    throw new ConfigError(`${state} has spools of ${roots.join(', ')}: pass --address-root`)
  return only
}

function listOf(folder: string): string {
  const own = knownRecorderKey(folder)
  const lines = [
    ...(own ? [`${own.id} of the recorder here\n`] : []),
    ...trustedKeys(folder).map((key) => `${key} in ${trustPath(folder)}\n`),
  ]
  return lines.join('') || 'none yet: agents will trust the first recorder that acknowledges rows\n'
}
