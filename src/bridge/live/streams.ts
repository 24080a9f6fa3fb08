import { messageOf } from '../../core/errors.ts'
import type { Expected } from '../../lab/expected.ts'
import type { LabView } from '../../lab/lab-view.ts'
import type { Nodes } from '../../lab/nodes.ts'
import { notRecording as whyNotRecording } from '../../lab/not-recording.ts'
import type { History } from '../history.ts'
import { type AgentView, isElsewhere, type StreamEvents } from '../page/shape.ts'
import { absentView, agentView } from './agent-views.ts'
import { fieldList, signature } from './field-list.ts'
import type { LiveValues, Watcher } from './live-values.ts'

/** Maximum number of streams: in total, and per address, so that one address cannot take all. */
const MAX_STREAMS = 100
export const STREAMS_OF_ONE = 8
/** Maximum number of metrics that one page may watch at a time. */
export const MAX_WATCHED = 1000
/** Milliseconds between two checks for changes, between two ticks, and between two lists of fields. */
const LOOK_MS = 500
const TICK_MS = 2000
const FIELDS_MS = 5000
/**
 * Maximum bytes waiting for a slow reader; beyond it the page has to reconnect, which brings it up to date.
 */
const MAX_WAITING = 4_000_000

interface Stream {
  readonly id: string
  readonly address: string
  readonly watcher: Watcher
  end(): void
  send(bytes: Uint8Array): void
}
/** The streams of all pages: one per page, for everything that changes. */
export interface Streams extends Disposable {
  /**
   * A new stream of server-sent events for an address; undefined if there are too many.
   * @param may whether reading is still permitted: once it is not, nothing more is sent and the stream ends
   */
  open(signal: AbortSignal, address: string, may?: () => boolean): ReadableStream<Uint8Array> | undefined
  /** Sets the metrics that a page has in view. False: the stream does not exist (any more). */
  watch(id: string, metrics: readonly string[]): boolean
  /**
   * Makes all pages reconnect, which brings them up to date: for a site that is back, with data that was
   * missed.
   */
  again(): void
}

interface Parts {
  readonly root: string
  readonly nodes: Nodes
  readonly lab: LabView
  readonly history: History
  readonly live: LiveValues
  /** Changes with the page's files, so that an old page reloads itself. */
  readonly build: string
  hub(): boolean
  /** Instances that should be running. */
  expected(): readonly Expected[]
  log(text: string): void
}

/** One server-sent event. */
function frame<K extends keyof StreamEvents>(event: K, data: StreamEvents[K]): string {
  return frameOf(event, JSON.stringify(data))
}

/** A server-sent event whose data are JSON already. */
function frameOf(event: keyof StreamEvents, text: string): string {
  return `event: ${event}\ndata: ${text}\n\n`
}

const encoder = new TextEncoder()

export function streams(parts: Parts): Streams {
  const { root, nodes, lab, history, live, build, hub, expected, log } = parts
  const open = new Map<string, Stream>()
  /** Each agent's view as last sent. */
  const sent = new Map<string, string>()
  let nth = 0
  let fields = ''
  let listing = false
  const all = (text: string) => {
    const bytes = encoder.encode(text)
    for (const stream of [...open.values()]) stream.send(bytes)
  }

  let isSettled = false
  void lab.settled().then(() => {
    isSettled = true
  })
  /** All agents to show. Absent ones are known only once all present ones are. */
  const shown = (): Map<string, AgentView> => {
    const there = [...lab.instances].map(([instance, view]) => [instance, agentView(instance, view)] as const)
    const absent =
      isSettled && hub() ? expected().filter(({ instance }) => !lab.instances.get(instance)?.presence) : []
    return new Map([...there, ...absent.map((one) => [one.instance, absentView(one)] as const)])
  }

  /** The changes of agents, each as a frame. */
  const changed = (): string[] => {
    const views = shown()
    const gone = [...sent.keys()].filter((instance) => !views.has(instance))
    for (const instance of gone) sent.delete(instance)
    const other = [...views].flatMap(([instance, view]) => {
      const text = frame('agent', view)
      if (sent.get(instance) === text) return []
      sent.set(instance, text)
      return [text]
    })
    return [...gone.map((instance) => frame('forgotten', { instance })), ...other]
  }
  const look = () => {
    if (open.size === 0) return
    const news = changed()
    const latest = history.events().at(-1)?.nth ?? 0
    if (latest !== nth) news.push(frame('happened', {}))
    nth = latest
    if (news.length > 0) all(news.join(''))
  }
  const list = async () => {
    if (listing) return
    listing = true
    try {
      const now = signature(await fieldList(nodes, root))
      if (now !== fields) all(frame('fields', {}))
      fields = now
    } catch (error) {
      log(`the page's list of fields: ${messageOf(error)}`)
    } finally {
      listing = false
    }
  }
  const ticked = () => {
    // Agents that are unreachable without the hub may be running all the same.
    const own = () => new Map([...lab.instances].filter(([instance]) => !isElsewhere(instance)))
    const notRecording = (hub() && whyNotRecording(own())) || null
    return frame('tick', { now: Date.now() / 1000, hub: hub(), notRecording })
  }
  const tick = () => all(ticked())
  let timers: Timer[] = []
  /** Sends news to open pages; without any there is nothing to do. */
  const tell = () => {
    if (open.size > 0 === timers.length > 0) return
    for (const timer of timers) clearInterval(timer)
    timers =
      open.size > 0
        ? [setInterval(look, LOOK_MS), setInterval(tick, TICK_MS), setInterval(list, FIELDS_MS)]
        : []
  }

  return {
    open(signal, address, may = () => true) {
      const same = [...open.values()].filter((stream) => stream.address === address).length
      if (open.size >= MAX_STREAMS || same >= STREAMS_OF_ONE) return undefined
      const id = crypto.randomUUID()
      const close = () => {
        const stream = open.get(id)
        open.delete(id)
        stream?.watcher[Symbol.dispose]()
        tell()
      }
      signal.addEventListener('abort', close, { once: true })
      return new ReadableStream<Uint8Array>(
        {
          start(controller) {
            const send = (bytes: Uint8Array) => {
              try {
                if (!may() || (controller.desiredSize ?? 0) <= 0) {
                  close()
                  controller.close()
                } else controller.enqueue(bytes)
              } catch {
                close()
              }
            }
            // Changes from before the first page are in its initial state.
            if (open.size === 0) changed()
            else look()
            const watcher = live.watch((parts) => send(encoder.encode(frameOf('values', parts))))
            const end = () => {
              close()
              controller.close()
            }
            open.set(id, { id, address, watcher, end, send })
            tell()
            const now = Date.now() / 1000
            const hello = frame('hello', { stream: id, build, now, instances: [...sent.keys()] }) + ticked()
            send(encoder.encode(`retry: 1000\n${hello}${[...sent.values()].join('')}`))
          },
          cancel: close,
        },
        new ByteLengthQueuingStrategy({ highWaterMark: MAX_WAITING }),
      )
    },
    watch(id, metrics) {
      const stream = open.get(id)
      stream?.watcher.want(metrics)
      return stream !== undefined
    },
    again() {
      for (const stream of [...open.values()]) stream.end()
    },
    [Symbol.dispose]() {
      for (const { watcher } of open.values()) watcher[Symbol.dispose]()
      open.clear()
      tell()
    },
  }
}
