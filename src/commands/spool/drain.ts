import { Command } from 'commander'
import { connectMqtt, type MqttOptions, reached } from '../../bus/mqtt.ts'
import { secondsOf } from '../../core/arguments/time-units.ts'
import { counted } from '../../core/counted.ts'
import { CONNACK, ConfigError, OpError } from '../../core/errors.ts'
import { drainInstance } from '../../core/names.ts'
import { viewLab } from '../../lab/lab-view.ts'
import { notTaken } from '../../lab/not-taken.ts'
import { chooseSite, type SiteOptions } from '../../launch/choose-site.ts'
import { version } from '../../launch/version.ts'
import { statePath } from '../../machine/state-path.ts'
import { drainSpool } from '../../runtime/drain.ts'
import { newIdentity, willOf } from '../../runtime/identity.ts'
import { Spool } from '../../runtime/spool/spool.ts'
import { findSpool } from '../../runtime/spool/spool-files.ts'
import { type Context, draw, ERASE } from '../../terminal/context.ts'
import { createLog, type Log } from '../../terminal/log.ts'
import { examples } from '../help.ts'
import { siteFlags } from '../site-flags.ts'

interface DrainFlags extends SiteOptions {
  readonly stateDir?: string
  readonly timeout: string
  readonly json?: boolean
}

/** Seconds the hub has to answer. */
const HUB_SECONDS = 5
/** Milliseconds between two log lines on how far it is. */
const SAY_MS = 2000

/** `ocs spool drain INSTANCE`: records what is left in a spool whose agent is gone or has moved to another host. */
export function drainCommand(context: Context): Command {
  const command = new Command('drain').description(
    'Record what is left in a spool whose agent has moved to another host or is gone for good.',
  )
  return siteFlags(command)
    .argument('<instance>', 'instance-id of the agent that took the samples')
    .option('--state-dir <folder>', 'the folder of spools and sessions')
    .option(
      '--timeout <time>',
      'give up when no row has been recorded for this long: seconds, or 10min, 2h',
      '60',
    )
    .option('--json', 'print the outcome as JSON')
    .addHelpText('after', examples('ocs spool drain ls240', 'ocs spool drain ls240 --timeout=10min'))
    .action((instance: string, flags: DrainFlags) => drain(instance, flags, context))
}

async function drain(name: string, flags: DrainFlags, context: Context): Promise<void> {
  const patience = secondsOf('--timeout', flags.timeout)
  const log = createLog(context, flags.logFormat ?? 'text')
  const { url, root, credentials } = await chooseSite(flags, context, log)
  const { stateDir } = flags
  const place = findSpool(statePath(stateDir, context.env), name)
  if (place.root !== root) {
    const why = `is of the address root ${place.root}, the site's is ${root}`
    throw new ConfigError(`${place.file} ${why}: name the site, or pass --address-root=${place.root}`)
  }
  const spool = new Spool(place.file)
  try {
    await reportDrain(
      spool,
      {
        url,
        root,
        instance: place.instance,
        file: place.file,
        patience,
        credentials: (to) => credentials({ ...to, instance: place.instance, stateDir }),
      },
      flags,
      context,
      log,
    )
  } finally {
    await spool.close()
  }
}

async function reportDrain(
  spool: Spool,
  {
    url,
    root,
    instance,
    file,
    patience,
    credentials,
  }: Record<'url' | 'root' | 'instance' | 'file', string> & {
    patience: number
    credentials: MqttOptions['credentials']
  },
  { json }: DrainFlags,
  context: Context,
  log: Log,
): Promise<void> {
  spool.listen(
    () => {},
    (text) => log(`error: ${text}`),
  )
  if (spool.counters['spools_set_aside'])
    throw new OpError(`${file} was damaged: nothing of it could be recorded`)
  const identity = newIdentity({
    root,
    instance: drainInstance(instance, spool.id),
    agentClass: 'SpoolDrain',
    version,
  })
  const shut = Promise.withResolvers<never>()
  await using bus = connectMqtt({
    url,
    client: identity.instance,
    will: willOf(identity),
    credentials,
    onRefused: (reason, code) => {
      if (code !== CONNACK.notAuthorised) return
      const text = `the hub at ${url} refused the drain (${reason}): only its own account and the agent may drain. Run this as that account, or get the agent's credentials from it: ocs hub token ${instance}`
      shut.reject(new OpError(text))
    },
  })
  await Promise.race([shut.promise, reached(bus, url, HUB_SECONDS)])
  const begun = performance.now()
  let said = -Infinity
  const progress = (left: number) => {
    if (context.terminal) draw(context, `${ERASE}${left > 0 ? `${counted(left, 'row')} to go` : ''}`)
    else if (left > 0 && performance.now() - said > SAY_MS) {
      said = performance.now()
      log(`${counted(left, 'row')} to go`)
    }
  }
  const { signal } = context
  await using view = await viewLab(bus, root)
  const refused = () => notTaken(view.instances, instance)
  const event = (level: string, _: string, text: string) => log(`${level}: ${text}`)
  const rows = await drainSpool({
    bus,
    identity,
    instance,
    spool,
    signal,
    patience,
    event,
    refused,
    progress,
  })
  const took = (performance.now() - begun) / 1000
  if (json) context.out(`${JSON.stringify({ root, instance, file, rows, took })}\n`)
  else {
    const done =
      rows === 0
        ? 'all was recorded already'
        : `${counted(rows, 'row is', 'rows are')} recorded, in ${took.toFixed(1)} s`
    context.out(`${root}.${instance}: ${done}; nothing needs ${file} any more\n`)
  }
}
