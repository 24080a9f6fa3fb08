import { Command } from 'commander'
import { counted } from '../../core/counted.ts'
import { OpError, TransportError } from '../../core/errors.ts'
import { forgetInstance } from '../../lab/forget-instance.ts'
import { notTaken } from '../../lab/not-taken.ts'
import { whoAsks } from '../../lab/request-client.ts'
import type { SiteOptions } from '../../launch/choose-site.ts'
import { type Controlled, knownInstance, type WithLab } from '../../launch/join-lab.ts'
import { statePath } from '../../machine/state-path.ts'
import { spoolsIn } from '../../runtime/spool/spool-files.ts'
import { lookAtSpool } from '../../runtime/spool/spool-look.ts'
import type { Context } from '../../terminal/context.ts'
import { at } from '../../terminal/table.ts'
import { examples } from '../help.ts'
import { labFlags } from '../site-flags.ts'

interface ForgetFlags extends SiteOptions {
  readonly stateDir?: string
  readonly by?: string
  readonly evenUnrecorded?: boolean
}

/** Who may forget an agent. */
const HOW =
  'Only the account that runs the hub or an administrator may do this: ocs hub passwd NAME --role admin there, then ocs login NAME'

/** `ocs ctrl forget INSTANCE`: an agent that is gone for good is shown no more. */
export function forgetCommand(context: Context, withLab: WithLab): Command {
  return labFlags(new Command('forget'))
    .description('Stop showing an agent that is gone for good. Its recordings and its spool stay.')
    .argument('<instance>', 'an agent that is not running and not in the site file')
    .option('--even-unrecorded', 'even if its spool on this machine has unrecorded rows')
    .option('--state-dir <folder>', 'the folder of spools and sessions')
    .option('--by <who>', 'who you are, for others to read; your account and machine by default')
    .addHelpText('after', examples('ocs ctrl forget ls240'))
    .action((instance: string, flags: ForgetFlags) =>
      withLab(flags, context, (on) => forget(on, instance, flags, context)),
    )
}

async function forget(on: Controlled, instance: string, flags: ForgetFlags, context: Context): Promise<void> {
  const { bus, root, site } = on
  const { state, presence } = await knownInstance(on, instance)
  if (state === 'online' && presence) {
    const { host, pid, since } = presence
    throw new OpError(
      `${instance} runs on ${host}, pid ${pid}, since ${at(since)}: stop it first, by Ctrl-C in its terminal, kill ${pid} there, or ocs down where ocs up runs it`,
    )
  }
  const expected = [...(site?.hosts.values() ?? [])]
    .flatMap(({ instances }) => instances)
    .find(({ instance_id, manage }) => instance_id === instance && manage === 'host/up')
  if (expected)
    throw new OpError(
      `${expected.position}: ${instance} is in the site file: remove it there first, or set manage: no`,
    )
  if (!flags.evenUnrecorded) mustBeRecorded(on, instance, flags, context)

  const { sessions, feeds } = await forgetInstance(bus, root, instance, flags.by ?? whoAsks()).catch(
    (cause: unknown) => {
      if (!(cause instanceof TransportError)) throw cause
      throw new OpError(`${instance} is not forgotten: ${cause.message}. ${HOW}`, { cause })
    },
  )
  context.out(
    `${instance} is forgotten: its state, ${counted(sessions, 'session')}, last values of ${counted(feeds, 'feed')}\n`,
  )
}

/** @throws OpError when the agent's spool on this machine has rows that may not be recorded */
function mustBeRecorded(
  { root, lab }: Controlled,
  instance: string,
  { stateDir }: ForgetFlags,
  { env }: Context,
): void {
  const spool = spoolsIn(statePath(stateDir, env)).find(
    (place) => place.root === root && place.instance === instance,
  )
  if (!spool) return
  const rows = lookAtSpool(spool.file).epochs.reduce((sum, { unrecorded }) => sum + unrecorded, 0)
  if (rows === 0) return
  const refusal = notTaken(lab.instances, instance)
  const drain = `ocs spool drain ${instance} has them recorded`
  const how = refusal === undefined ? drain : `${refusal}; then ${drain}`
  throw new OpError(
    `${counted(rows, 'row')} of ${instance} in ${spool.file} ${rows === 1 ? 'is' : 'are'} not known to be recorded: ${how}; --even-unrecorded forgets it all the same, and leaves that file`,
  )
}
