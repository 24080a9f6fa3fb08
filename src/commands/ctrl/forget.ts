import { Command } from 'commander'
import { connectMqtt, reached } from '../../bus/mqtt.ts'
import { channels } from '../../core/channels.ts'
import { counted } from '../../core/counted.ts'
import { OpError } from '../../core/errors.ts'
import { lastValues } from '../../lab/last-values.ts'
import { notTaken } from '../../lab/not-taken.ts'
import { whoAsks } from '../../lab/request-client.ts'
import type { SiteOptions } from '../../launch/choose-site.ts'
import { type Controlled, knownInstance, type WithLab } from '../../launch/join-lab.ts'
import { statePath } from '../../machine/state-path.ts'
import { spoolsIn } from '../../runtime/spool/spool-files.ts'
import { lookAtSpool } from '../../runtime/spool/spool-look.ts'
import type { Context } from '../../terminal/context.ts'
import { at } from '../../terminal/table.ts'
import { siteFlags } from '../site-flags.ts'

interface ForgetFlags extends SiteOptions {
  readonly stateDir?: string
  readonly by?: string
  readonly evenUnrecorded?: boolean
}

/** Seconds the hub has to let this command speak for the agent that is gone. */
const PATIENCE_S = 20

/** `ocs ctrl forget INSTANCE`: an agent that is gone for good is shown no more. */
export function forgetCommand(context: Context, withLab: WithLab): Command {
  return siteFlags(new Command('forget'))
    .description('Show an agent no more that is gone for good. Its recordings and its spool stay.')
    .argument('<instance>', 'an agent that does not run, and that no site file expects')
    .option('--even-unrecorded', 'also when its spool on this machine has rows that nobody has recorded')
    .option('--state-dir <folder>', 'the folder of spools and sessions')
    .option('--by <who>', 'who you are, as others read it; your account and machine by default')
    .action((instance: string, flags: ForgetFlags) =>
      withLab(flags, context, (on) => forget(on, instance, flags, context), { quiet: true }),
    )
}

async function forget(on: Controlled, instance: string, flags: ForgetFlags, context: Context): Promise<void> {
  const { bus, root, site } = on
  const { state, presence, api, sessions } = knownInstance(on, instance)
  const ops = [...sessions.keys()]
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
      `${expected.position}: the site file expects ${instance} to run: take it out there first, or set manage: no`,
    )
  if (!flags.evenUnrecorded) mustBeRecorded(on, instance, flags, context)

  await using last = await lastValues(bus, root, instance)
  await on.lab.settled()
  const refused = Promise.withResolvers<never>()
  // Only an instance speaks for itself; the hub lets nobody in under an id that lives.
  await using own = connectMqtt({
    url: on.url,
    client: instance,
    credentials: on.credentials,
    onRefused: (why) => refused.reject(new OpError(`${instance} cannot be forgotten now: ${why}`)),
  })
  await Promise.race([refused.promise, reached(own, on.url, PATIENCE_S)])
  const here = { root, instance }
  const by = flags.by ?? whoAsks()
  const text = `forgotten by ${by}: it is shown no more`
  await own.publish(channels.event, here, { time: Date.now() / 1000, level: 'info', kind: 'forgotten', text })
  for (const feed of last.values.keys()) await own.clear(channels.last, { ...here, feed })
  for (const op of ops) await own.clear(channels.session, { ...here, op })
  if (api) await own.clear(channels.api, here)
  // Last of all: until then it can be seen, and forgotten again.
  await own.clear(channels.presence, here)
  context.out(
    `${instance} is forgotten: its state, ${counted(ops.length, 'session')}, last values of ${counted(last.values.size, 'feed')}\n`,
  )
}

/** @throws OpError for an agent whose spool on this machine has rows that are not known to be recorded */
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
