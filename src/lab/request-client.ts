import { hostname, userInfo } from 'node:os'
import type { Bus } from '../bus/bus.ts'
import { channels, type Reply } from '../core/channels.ts'
import { OpError, TransportError } from '../core/errors.ts'
import type { Action, OpSession, Outcome } from '../core/ops.ts'
import { jsonWithNumbers } from '../core/wire.ts'

/** Asks agents to act, and questions: the calling end of `requests.ts`. */
export interface Caller extends AsyncDisposable {
  /**
   * Asks an operation to start, stop, …
   * @param timeout seconds to wait for the answer; of `wait`, for the operation's end
   * @throws TransportError when no answer comes
   */
  request(
    instance: string,
    op: string,
    action: Action,
    params?: Readonly<Record<string, unknown>>,
    timeout?: number,
  ): Promise<Outcome>
  /** Asks a query; @throws TransportError without an answer, OpError with the agent's refusal. */
  query(
    instance: string,
    query: string,
    params: Readonly<Record<string, unknown>>,
    timeout?: number,
  ): Promise<unknown>
}

/** Seconds an agent has to answer. */
const TIMEOUT = 5
/**
 * Milliseconds after which a request without an answer is sent again, with the same id, so that it acts once: it is lost
 * when the hub is back before the agent.
 */
const AGAIN_MS = 1000
/** The longest a timer can wait, ms. */
const LONGEST = 2 ** 31 - 1

/** A request under way. */
interface Waiting {
  /** The instance that was asked. */
  readonly of: string
  resolve(reply: Reply): void
  reject(error: Error): void
}

/** Who asks, for the agents' histories, and the keys of locks that other clients of the same person have. */
interface Asker {
  readonly by?: string
  readonly key?: string | ((instance: string) => string | undefined)
}

/** A caller on a bus; its answers come to the bus's own client name. */
export async function caller(bus: Bus, root: string, { by, key }: Asker = {}): Promise<Caller> {
  const asker = (instance: string) => {
    const held = typeof key === 'function' ? key(instance) : key
    return { by: by ?? whoAsks(), ...(held !== undefined && { key: held }) }
  }
  const waiting = new Map<string, Waiting>()
  const gone = () => new TransportError('closed before the answer came')
  let closed = false
  const pieces = new Map<string, Map<number, string>>()
  const subscription = await bus.subscribe(
    channels.reply,
    { root, client: bus.client },
    (reply, { id, instance }) => {
      const { part, parts, piece } = reply
      // An answer is the word of the instance that was asked, whoever else publishes one of the same id.
      if (waiting.get(id)?.of !== instance) return
      if (part === undefined || parts === undefined) return waiting.get(id)?.resolve(reply)
      const list = pieces.get(id) ?? new Map<number, string>()
      if (part < parts) list.set(part, piece ?? '')
      pieces.set(id, list)
      if (list.size < parts) return
      pieces.delete(id)
      waiting.get(id)?.resolve({ ...reply, result: joined(list) })
    },
  )

  const exchange = async (
    instance: string,
    timeout: number,
    again: boolean,
    send: (request: { id: string; sent: number; timeout: number }) => Promise<void>,
  ): Promise<Reply> => {
    if (closed) throw gone()
    const id = crypto.randomUUID()
    const request = { id, sent: Date.now() / 1000, timeout }
    const { promise, resolve, reject } = Promise.withResolvers<Reply>()
    const timer = setTimeout(
      () =>
        reject(
          new TransportError(
            `${instance} did not answer within ${timeout} s: is it running? (ocs ctrl status)`,
          ),
        ),
      Math.min(timeout * 1000, LONGEST),
    )
    waiting.set(id, { of: instance, resolve, reject })
    const repeat = setInterval(() => {
      if (again && bus.connected) send(request).catch(() => {})
    }, AGAIN_MS)
    try {
      // A hub that is away would keep the request waiting: the time-out covers that too.
      send(request).catch(reject)
      return await promise
    } finally {
      clearTimeout(timer)
      clearInterval(repeat)
      waiting.delete(id)
      pieces.delete(id)
    }
  }

  return {
    async request(instance, op, action, params = {}, timeout = TIMEOUT) {
      const address = { root, instance, op, action, client: bus.client }
      const wait = action === 'wait' ? { wait: timeout } : {}
      // The agent's word that it is not over yet has to come in time, too.
      const reply = await exchange(
        instance,
        timeout + (action === 'wait' ? TIMEOUT : 0),
        action !== 'wait',
        (request) =>
          bus.publish(channels.request, address, {
            ...request,
            ...wait,
            ...asker(instance),
            params: sendable(params),
          }),
      )
      const { status, msg, kind, session = {} } = reply
      return { status, msg, ...(kind && { kind }), session: session as OpSession }
    },
    async query(instance, query, params, timeout = TIMEOUT) {
      const address = { root, instance, query, client: bus.client }
      const reply = await exchange(instance, timeout, false, (request) =>
        bus.publish(channels.query, address, { ...request, ...asker(instance), params: sendable(params) }),
      )
      if (reply.status !== 0) throw new OpError(`${instance}: ${reply.msg}`)
      return reply.result
    },
    async [Symbol.asyncDispose]() {
      closed = true
      for (const { reject } of waiting.values()) reject(gone())
      await subscription[Symbol.asyncDispose]()
    },
  }
}

/** A result from its pieces, in their order. @throws SyntaxError */
function joined(pieces: ReadonlyMap<number, string>): unknown {
  const inOrder = [...pieces].sort(([a], [b]) => a - b).map(([, piece]) => piece)
  return JSON.parse(inOrder.join(''))
}

/** Parameters as JSON, with what is not finite as text. */
function sendable(params: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return jsonWithNumbers(params) as Record<string, unknown>
}

/** `maya@grumpy`: the account and the machine. */
export function whoAsks(): string {
  return `${userName()}@${hostname()}`.slice(0, 200)
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    // An account that has no entry, as in some containers.
    return 'somebody'
  }
}
