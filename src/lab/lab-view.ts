import type { Bus } from '../bus/bus.ts'
import { type AgentApi, channels, type Presence } from '../core/channels.ts'
import type { OpSession } from '../core/ops.ts'

/** Seconds without a beat after which an agent counts as lost: its will may have died with its hub. */
const LOST_AFTER = 15

/** What is known of one instance from what it retains. */
export interface InstanceView {
  readonly presence: Presence | undefined
  readonly api: AgentApi | undefined
  readonly sessions: ReadonlyMap<string, OpSession>
  /** `lost` also for one that says online but has not been heard of for 15 s. */
  readonly state: Presence['state']
}

/** A view of all agents of a lab, kept up to date from retained topics; one whose presence is cleared is forgotten. */
export interface LabView extends AsyncDisposable {
  readonly instances: ReadonlyMap<string, InstanceView>
  /** Resolves once what the hub had retained is in. */
  settled(): Promise<void>
  /** Calls back after each change. */
  onChange(listener: (instance: string) => void): Disposable
}

interface Entry {
  presence: Presence | undefined
  api: AgentApi | undefined
  readonly sessions: Map<string, OpSession>
  heard: number
}

/** Watches the agents of a lab. */
export async function viewLab(bus: Bus, root: string): Promise<LabView> {
  const entries = new Map<string, Entry>()
  const listeners = new Set<(instance: string) => void>()
  const asked: AsyncDisposable[] = []

  const tell = (instance: string) => {
    queueMicrotask(() => {
      for (const listener of [...listeners]) listener(instance)
    })
  }
  const touch = (instance: string): Entry => {
    const entry = entries.get(instance) ?? {
      presence: undefined,
      api: undefined,
      sessions: new Map(),
      heard: -Infinity,
    }
    entries.set(instance, entry)
    tell(instance)
    return entry
  }
  const took = (now: Presence, { instance }: { instance: string }, { retained }: { retained: boolean }) => {
    const entry = touch(instance)
    const old = entry.presence
    // The will, or the goodbye, of an earlier process of the same instance says nothing about this one.
    if (now.state !== 'online' && old?.state === 'online' && old.session !== now.session) return
    // A will was written when its agent came; that was heard of later.
    const time = old?.session === now.session ? Math.max(old.time, now.time) : now.time
    entry.presence = { ...now, time }
    const fresh = !retained || Date.now() / 1000 - now.time < LOST_AFTER
    if (fresh) entry.heard = performance.now()
  }
  const forget = ({ instance }: { instance: string }) => {
    if (entries.delete(instance)) tell(instance)
  }
  const presence = await bus.subscribe(channels.presence, { root }, took, undefined, forget)
  const api = await bus.subscribe(channels.api, { root }, (now, { instance }) => {
    touch(instance).api = now
  })
  const sessions = await bus.subscribe(
    channels.session,
    { root },
    (now, { instance, op }) => {
      touch(instance).sessions.set(op, now)
    },
    undefined,
    ({ instance, op }) => {
      if (entries.get(instance)?.sessions.delete(op)) tell(instance)
    },
  )

  return {
    get instances() {
      return new Map([...entries].map(([instance, entry]) => [instance, { ...entry, state: stateOf(entry) }]))
    },
    async settled() {
      // It is granted behind all that is retained for the subscriptions before.
      asked.push(await bus.subscribe(channels.hub, { root }, () => {}))
    },
    onChange(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => listeners.delete(listener) }
    },
    async [Symbol.asyncDispose]() {
      for (const subscription of [presence, api, sessions, ...asked])
        await subscription[Symbol.asyncDispose]()
    },
  }
}

function stateOf({ presence, heard }: Entry): Presence['state'] {
  if (presence?.state !== 'online') return presence?.state ?? 'offline'
  return performance.now() - heard > LOST_AFTER * 1000 ? 'lost' : 'online'
}
