import type { Bus } from '../bus/bus.ts'
import { type AgentApi, BEAT_S, channels, LOST_S, type Presence } from '../core/channels.ts'
import type { OpSession } from '../core/ops.ts'

/** Milliseconds in which whoever lives has said so again. */
const ANEW_MS = 1000 * (BEAT_S + 1)
/** Seconds by which the clock of an agent may differ from this one without a word. */
const CLOCK_S = 5

/** What is known of one instance from what it retains. */
export interface InstanceView {
  readonly presence: Presence | undefined
  readonly api: AgentApi | undefined
  readonly sessions: ReadonlyMap<string, OpSession>
  /** `lost` also for one that says online but has not been heard of for 15 s. */
  readonly state: Presence['state']
  /** Unix s since when it is not online, as far as anybody can say; undefined while it is. */
  readonly left?: number | undefined
  /** Why nobody can say how it is: the link to its site is down. */
  readonly away?: string | undefined
  /** Seconds by which its clock is ahead of this one, below 0 behind; undefined while they agree, or nobody can say. */
  readonly ahead?: number | undefined
}

/** A view of all agents of a lab, kept up to date from retained topics; one whose presence is cleared is forgotten. */
export interface LabView extends AsyncDisposable {
  readonly instances: ReadonlyMap<string, InstanceView>
  /** What is known of one of them. */
  of(instance: string): InstanceView | undefined
  /** Resolves once what the hub had retained is in, and it is known who of it lives: the clock of one may be wrong. */
  settled(): Promise<void>
  /** Calls back after each change. */
  onChange(listener: (instance: string) => void): Disposable
}

interface Entry {
  presence: Presence | undefined
  api: AgentApi | undefined
  readonly sessions: Map<string, OpSession>
  /** By how much its clock is ahead, s. */
  ahead: number | undefined
  /** When it was last heard of, on the monotonic clock and in unix s. */
  heard: number
  heardAt: number
  /** Since when it says that it is not online, unix s. */
  left: number | undefined
}

/** Watches the agents of a lab. `sessions`: what their operations do, too. */
export async function viewLab(
  bus: Bus,
  root: string,
  { sessions = true }: { readonly sessions?: boolean } = {},
): Promise<LabView> {
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
      ahead: undefined,
      heard: -Infinity,
      heardAt: 0,
      left: undefined,
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
    const time = old?.session === now.session ? Math.max(old.time, now.time) : (now.left ?? now.time)
    entry.presence = { ...now, time }
    const wall = Date.now() / 1000
    // A will was written when its agent came; when that left, its hub says, or nobody does later.
    entry.left = now.state === 'online' ? undefined : (entry.left ?? (retained ? time : wall))
    const fresh = !retained || wall - now.time < LOST_S
    entry.heardAt = retained ? now.time : wall
    // What the hub has kept is older than it says, so it tells of a clock that is ahead alone.
    if (now.state === 'online' && (!retained || now.time > wall)) entry.ahead = now.time - wall
    if (fresh) entry.heard = performance.now()
  }
  const forget = ({ instance }: { instance: string }) => {
    if (entries.delete(instance)) tell(instance)
  }
  asked.push(await bus.subscribe(channels.presence, { root }, took, { cleared: forget }))
  asked.push(
    await bus.subscribe(channels.api, { root }, (now, { instance }) => {
      touch(instance).api = now
    }),
  )
  const tookSession = (now: OpSession, { instance, op }: { instance: string; op: string }) => {
    touch(instance).sessions.set(op, now)
  }
  const cleared = ({ instance, op }: { instance: string; op: string }) => {
    if (entries.get(instance)?.sessions.delete(op)) tell(instance)
  }
  if (sessions) asked.push(await bus.subscribe(channels.session, { root }, tookSession, { cleared }))

  return {
    get instances() {
      return new Map([...entries].map(([instance, entry]) => [instance, viewOf(entry)]))
    },
    of(instance) {
      const entry = entries.get(instance)
      return entry && viewOf(entry)
    },
    async settled() {
      // It is granted behind all that is retained for the subscriptions before.
      asked.push(await bus.subscribe(channels.hub, { root }, () => {}))
      const isDoubtful = ({ presence: said, heard }: Entry) => said?.state === 'online' && heard === -Infinity
      const { promise, resolve } = Promise.withResolvers<void>()
      const look = () => {
        if (![...entries.values()].some(isDoubtful)) resolve()
      }
      const timer = setTimeout(resolve, ANEW_MS)
      listeners.add(look)
      look()
      await promise
      clearTimeout(timer)
      listeners.delete(look)
    },
    onChange(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => listeners.delete(listener) }
    },
    async [Symbol.asyncDispose]() {
      for (const subscription of asked) await subscription[Symbol.asyncDispose]()
    },
  }
}

function viewOf({ presence, api, sessions, heard, heardAt, left, ahead = 0 }: Entry): InstanceView {
  const said = presence?.state ?? 'offline'
  const isSilent = said === 'online' && performance.now() - heard > LOST_S * 1000
  const state = isSilent ? 'lost' : said
  const isOff = state === 'online' && Math.abs(ahead) > CLOCK_S
  return {
    presence,
    api,
    sessions,
    state,
    left: isSilent ? heardAt : left,
    ahead: isOff ? ahead : undefined,
  }
}
