import type { z } from 'zod'
import type { OpContext } from '../core/agent.ts'
import { poll } from '../core/poll.ts'
import { Watch } from '../core/watch.ts'
import type { Value } from '../core/wire.ts'
import type { AnySpec, Instrument, Params, SweepData } from './instrument-spec.ts'
import { sweepOver } from './sweep.ts'

/**
 * Default time-out for a reply, ms; and how much later a single late reply may come without being reported.
 */
const [TIMEOUT, LATE] = [2000, 500]

/** The process that reads the instrument, sweep after sweep. */
export async function acquire<A extends z.ZodObject, S>(
  spec: AnySpec<A, S>,
  op: OpContext<Params, object, z.output<A>, Instrument<S>, string>,
): Promise<void> {
  const { params, args, instrument, feeds, session, signal } = op
  const { feed, acq, judge } = spec
  const errors: Record<string, number> = {}
  const told = new Set<string>()
  let latest: SweepData | undefined
  const show = (data: SweepData, state: S) => {
    latest = data
    session.set(acq.data ? acq.data(data, state) : { ...data, blocks: undefined })
  }
  let declared: S | undefined
  const done = new AbortController()
  const sweep = async () => {
    const { changes, state } = instrument
    if (declared !== state) feeds[feed.name]?.redeclare()
    declared = state
    const wanted = acq.choose?.(instrument.readings, params) ?? instrument.readings
    watch.heard()
    const { blocks, read, failed, faults } = await sweepOver(instrument.link, wanted, () => watch.heard())
    watch[Symbol.dispose]()
    if (instrument.changing > 0 || instrument.changes !== changes) return
    for (const [kind, why] of faults) if (!told.has(kind)) session.log(why)
    for (const kind of faults.keys()) told.add(kind)
    for (const command of failed) errors[command] = (errors[command] ?? 0) + 1
    for (const { block, time, values, isEmpty } of blocks) {
      judge?.(values, state, instrument.state)
      if (!isEmpty) feeds[feed.name]?.publish(block, time, values)
    }
    const timestamp = blocks[0]?.time ?? Date.now() / 1000
    const connection = { last_attempt: timestamp, connected: true }
    const fields = Object.assign({}, ...blocks.map(({ values }) => values)) as Record<string, Value>
    show({ fields, timestamp, errors, connection, blocks }, state)
    const failing = read === 0 && (failed.size > 0 || wanted.length === 0)
    const why = wanted.length === 0 && acq.nothing !== undefined ? acq.nothing : 'nothing can be read'
    if (failing) session.degrade(why)
    else session.degraded = false
    if (params['test_mode']) done.abort()
  }
  const patience = (spec.open?.(args).timeout ?? TIMEOUT) + LATE
  using watch = new Watch(patience, () => {
    session.degrade(`nothing has been read for ${patience / 1000} s`)
  })
  const until = AbortSignal.any([signal, done.signal])
  try {
    await poll(acq.rate(args, params), { session, signal: until }, sweep)
  } catch (error) {
    const lost = { last_attempt: Date.now() / 1000, connected: false }
    if (latest) show({ ...latest, connection: lost }, declared as S)
    throw error
  }
}
