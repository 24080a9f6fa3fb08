import { channels } from '../../core/channels.ts'
import { messageOf, OpError, TransportError, UsageError } from '../../core/errors.ts'
import { didYouMean } from '../../core/names.ts'
import { ResponseCode, toldOf } from '../../core/ops.ts'
import { RECORD } from '../../core/recording/recording.ts'
import { recorderClasses } from '../../launch/agents.ts'
import { type Controlled, elsewhere } from '../../launch/join-lab.ts'

/** Seconds an instrument has to give its first sample. */
const FIRST_SAMPLE = 10
const ACQ = 'acq'

/**
 * Does what the control script of OCS's first users did: starts recording and acquisition.
 * @param targets instance-ids; empty for every instrument
 * @throws OpError with the reason when one of them does not start
 */
export async function startAcquisition(
  on: Controlled,
  targets: readonly string[],
  aggregator: string | undefined,
): Promise<void> {
  const { log } = on
  const recorder = chooseRecorder(on, aggregator)
  const instruments = targets.length > 0 ? targets : instrumentsOf(on)
  for (const instance of [...(recorder ? [recorder] : []), ...instruments]) mustRun(on, instance)
  for (const instance of instruments) mustHave(on, instance, ACQ)
  log('Starting Aggregator')
  if (recorder) await start(on, recorder, RECORD)
  else if (on.recorders)
    log(`not recorded: the site file names no ${recorderClasses[0]}; readings are kept for one hour`)
  log('Starting Data Acquisition')
  await all(instruments, (instance) => startAndSee(on, instance))
  if (!recorder && !on.recorders) {
    const what = instruments.join(', ')
    throw new OpError(
      `${what}: acquiring, but no recorder runs: start one with ocs aggregate; samples wait for it`,
    )
  }
}

/** Stops acquisition, never the recorder. @throws OpError when instruments refuse, TransportError when they are not there */
export async function stopAcquisition(on: Controlled, targets: readonly string[]): Promise<void> {
  await all(targets.length > 0 ? targets : instrumentsOf(on), async (instance) => {
    mustRun(on, instance)
    const { status, msg, kind } = await on.ask.request(instance, ACQ, 'stop')
    const idle = kind === 'idle'
    if (status !== ResponseCode.OK && !idle) throw new OpError(`${instance}: ${msg}`)
    if (status === ResponseCode.OK) await on.ask.request(instance, ACQ, 'wait', {}, 10)
    on.log(idle ? `${instance}: was not acquiring` : `${instance}: stopped`)
  })
}

/** Runs an action on each instrument, even if one fails. @throws what they threw; several errors as one */
async function all(instances: readonly string[], work: (instance: string) => Promise<void>): Promise<void> {
  const ends = await Promise.allSettled(instances.map(work))
  const reasons = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []))
  if (reasons.length === 0) return
  if (reasons.length === 1) throw reasons[0]
  const text = reasons.map(messageOf).join('; ')
  if (reasons.every((reason) => reason instanceof UsageError)) throw new UsageError(text)
  const away = reasons.every((reason) => reason instanceof TransportError)
  throw away ? new TransportError(text) : new OpError(text)
}

function chooseRecorder({ recorders, lab }: Controlled, wanted: string | undefined): string | undefined {
  if (wanted !== undefined) return wanted
  const running = [...lab.instances].filter(
    ([, { api, state }]) => state === 'online' && api && RECORD in api.ops,
  )
  const known = recorders ?? running.map(([instance]) => instance)
  if (known.length > 1) {
    throw new OpError(`there are several recorders (${known.join(', ')}): name one with --aggregator`)
  }
  return known[0]
}

function instrumentsOf({ lab, expected }: Controlled): string[] {
  const running = [...lab.instances].filter(
    ([, { api, state }]) => state === 'online' && api && ACQ in api.ops,
  )
  const found = [...new Set([...(expected ?? []), ...running.map(([instance]) => instance)])]
  if (found.length === 0)
    throw new OpError('no instrument is running: start one with ocs agent --instance-id=…')
  return found
}

function mustRun({ lab, site }: Controlled, instance: string): void {
  const found = lab.instances.get(instance)
  if (found?.state === 'online') return
  const there = elsewhere(site, instance)
  if (there !== undefined) throw new UsageError(there)
  const names = [...lab.instances].filter(([, { state }]) => state === 'online').map(([name]) => name)
  const [near] = found ? [] : didYouMean(instance, names)
  const state = found ? found.state : 'not running'
  const hint = near ? `did you mean "${near}"?` : `start it with ocs agent --instance-id=${instance}`
  throw new TransportError(`${instance} is ${state}: ${hint}`)
}

function mustHave({ lab }: Controlled, instance: string, op: string): void {
  const ops = Object.keys(lab.instances.get(instance)?.api?.ops ?? {})
  if (!ops.includes(op))
    throw new OpError(`${instance} has no operation "${op}" (it has: ${ops.join(', ') || 'none'})`)
}

/** Starts an operation; one that runs already is fine. */
async function start({ ask }: Controlled, instance: string, op: string): Promise<void> {
  const { status, msg, kind } = await ask.request(instance, op, 'start')
  if (status !== ResponseCode.OK && kind !== 'running') throw new OpError(`${instance}: ${msg}`)
}

/** Starts acquisition and waits for a sample that is fresh. */
async function startAndSee(on: Controlled, instance: string): Promise<void> {
  const { bus, root, lab, ask } = on
  const fresh = Promise.withResolvers<boolean>()
  await using _ = await bus.subscribe(channels.feed, { root, instance }, () => fresh.resolve(true))
  await start(on, instance, ACQ)
  const timer = setTimeout(() => fresh.resolve(false), FIRST_SAMPLE * 1000)
  const seen = await fresh.promise
  clearTimeout(timer)
  if (seen) return
  const session =
    lab.instances.get(instance)?.sessions.get(ACQ) ?? (await ask.request(instance, ACQ, 'status')).session
  const told = toldOf(session)
  const why = told && `: ${told}`
  const degraded = 'degraded' in session && session.degraded
  throw new OpError(
    degraded ? `${instance} is degraded${why}` : `${instance} gave no sample in ${FIRST_SAMPLE} s${why}`,
  )
}
