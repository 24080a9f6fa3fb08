import type { Bus } from '../bus/bus.ts'
import { connectMqtt, reached } from '../bus/mqtt.ts'
import type { OcsCalls, OcsVisitor } from '../core/ocs.ts'
import { ResponseCode } from '../core/ops.ts'
import { type LabView, viewLab } from './lab-view.ts'
import { ocsCall } from './ocs-call.ts'
import { type Caller, caller } from './request-client.ts'

/** What stands for the address of the hub that this process is. */
const INSIDE = 'mqtt://127.0.0.1'
/** Seconds that it has to let somebody in. */
const HUB_SECONDS = 5
/** Milliseconds that a connection is kept for the next call of the same visitor. */
const KEPT_MS = 60_000
/** Seconds of a wait after which it is looked whether the caller still waits. */
const SLICE_S = 10

interface Visit {
  readonly bus: Bus
  readonly ask: Caller
  /** Calls under way. */
  calls: number
  timer: Timer | undefined
}

/**
 * Answers calls of procedures, each over a connection of its own caller, whom the hub admits and refuses as any other client.
 * @param own the hub's own view of the lab
 */
export function ocsVisits(root: string, own: OcsVisitor): OcsCalls {
  const visits = new Map<string, Promise<Visit>>()
  let known: Promise<{ bus: Bus; view: LabView }> | undefined

  const look = async () => {
    const bus = await connect(own)
    const view = await viewLab(bus, root)
    await view.settled()
    return { bus, view }
  }
  const enter = async (by: OcsVisitor): Promise<Visit> => {
    const bus = await connect(by)
    const visit: Visit = { bus, ask: await caller(bus, root, { by: by.name }), calls: 0, timer: undefined }
    bus.onConnected((connected) => {
      // The hub has cut it; whether it still may come is seen by the next call.
      if (!connected) void leave(by.key)
    })
    return visit
  }
  const leave = async (key: string) => {
    const visit = visits.get(key)
    visits.delete(key)
    if (visit) await end(await visit)
  }

  return {
    async answer(call, by, signal) {
      known ??= look().catch((error: unknown) => {
        // The next call looks again.
        known = undefined
        throw error
      })
      const { view } = await known
      const entered = visits.get(by.key) ?? enter(by)
      visits.set(by.key, entered)
      entered.catch(() => visits.delete(by.key))
      const visit = await entered
      visit.calls++
      clearTimeout(visit.timer)
      try {
        return await ocsCall(call, root, view.instances, patient(visit.ask, signal))
      } finally {
        visit.calls--
        clearTimeout(visit.timer)
        if (visit.calls === 0) visit.timer = setTimeout(() => void leave(by.key), KEPT_MS)
      }
    },
    async [Symbol.asyncDispose]() {
      for (const key of [...visits.keys()]) await leave(key)
      const { bus, view } = (await known) ?? {}
      await view?.[Symbol.asyncDispose]()
      await bus?.[Symbol.asyncDispose]()
    },
  }
}

/** @throws TransportError when the hub does not let it in */
async function connect({ connect: stream }: OcsVisitor): Promise<Bus> {
  const client = `http-${crypto.randomUUID().slice(0, 8)}`
  const bus = connectMqtt({ url: INSIDE, client, stream })
  try {
    await reached(bus, INSIDE, HUB_SECONDS)
    return bus
  } catch (error) {
    await bus[Symbol.asyncDispose]()
    throw error
  }
}

async function end({ bus, ask, timer }: Visit): Promise<void> {
  clearTimeout(timer)
  await ask[Symbol.asyncDispose]()
  await bus[Symbol.asyncDispose]()
}

/** A caller whose long waits end once nobody waits for them. */
function patient(ask: Caller, signal: AbortSignal): Pick<Caller, 'request'> {
  return {
    async request(instance, op, action, params, timeout = 0) {
      if (action !== 'wait') return ask.request(instance, op, action, params, timeout)
      const end = performance.now() + timeout * 1000
      for (;;) {
        const left = Math.max(0, (end - performance.now()) / 1000)
        const outcome = await ask.request(instance, op, 'wait', {}, Math.min(left, SLICE_S))
        if (outcome.status !== ResponseCode.TIMEOUT || left <= SLICE_S || signal.aborted) return outcome
      }
    },
  }
}
