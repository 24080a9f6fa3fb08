import { duration } from '../../core/duration.ts'
import { OpError, TransportError } from '../../core/errors.ts'
import type { OpSession } from '../../core/ops.ts'
import { lastMessage } from '../../lab/session-text.ts'
import type { Controlled } from '../../launch/join-lab.ts'
import type { Context } from '../../terminal/context.ts'
import { progress } from './progress.ts'

/** Milliseconds an agent may be gone from the hub while one of its operations is waited for. */
const GONE_MS = 3000
/** Milliseconds between checks whether the agent is gone. */
const LOOK_MS = 500

/** The operation that is waited for. */
export interface Awaited {
  readonly instance: string
  readonly op: string
  readonly kind: 'task' | 'process'
  /** The session as it was at the beginning. */
  readonly session: OpSession
  /** Seconds; undefined: as long as it takes. */
  readonly timeout: number | undefined
}

/**
 * Waits for the end of a session and shows how it gets on. On a terminal the first Ctrl-C asks whether to abort a
 * task; the next one leaves it running, as any Ctrl-C elsewhere does.
 * @throws TransportError after `timeout`, when the agent is lost, and when Ctrl-C leaves the operation running
 * @throws OpError when it cannot be known any more how it ended
 */
export async function waitForEnd(on: Controlled, what: Awaited, context: Context): Promise<OpSession> {
  const { instance, op, kind, session, timeout } = what
  const title = `${instance} ${op}`
  const { promise, resolve, reject } = Promise.withResolvers<OpSession>()
  using shown = progress(title, context, on.log, { kind, before: session })
  const goesOn = `it goes on: ocs ctrl wait ${instance} ${op}`
  const leave = () => reject(new TransportError(`stopped waiting for ${title}; ${goesOn}`))
  using _watch = watch(
    on,
    what,
    (now) => {
      shown.show(now)
      if (now.status === 'done') resolve(now)
    },
    reject,
  )
  const timer =
    timeout === undefined
      ? undefined
      : setTimeout(
          () => reject(new TransportError(`${title} is not over after ${timeout} s; ${goesOn}`)),
          timeout * 1000,
        )
  let asked = false
  const abortOrNot = async () => {
    if (asked) return leave()
    asked = true
    shown.hold()
    const yes = await askYes(`Abort ${title}? [y/N] `, context)
    shown.go()
    if (!yes) return
    const { status, msg } = await on.ask.request(instance, op, 'abort')
    if (status !== 0) on.log(msg)
  }
  const askable = kind === 'task' && context.terminal && context.input?.isTTY && context.onInterrupt
  using _interrupt = askable ? context.onInterrupt?.(() => void abortOrNot().catch(reject)) : undefined
  if (context.signal.aborted) leave()
  context.signal.addEventListener('abort', leave)
  try {
    if (session.status === 'done') return session
    return await promise
  } finally {
    clearTimeout(timer)
    context.signal.removeEventListener('abort', leave)
  }
}

/** Follows one session on the hub, and reports when it can no longer be followed. */
function watch(
  { lab }: Controlled,
  { instance, op, session: first }: Awaited,
  seen: (session: OpSession) => void,
  lost: (error: Error) => void,
): Disposable {
  const process = lab.instances.get(instance)?.presence?.session
  let online = performance.now()
  const look = () => {
    const view = lab.instances.get(instance)
    if (view?.state === 'online') online = performance.now()
    if (performance.now() - online > GONE_MS) {
      const state = view?.state ?? 'lost'
      return lost(new TransportError(`${instance} is ${state}: what ${op} is doing is unknown`))
    }
    if (view?.presence?.session !== process)
      return lost(new OpError(`${instance} was restarted: ${op} did not end by itself`))
    const now = view?.sessions.get(op)
    if (now?.session_id === first.session_id) seen(now)
    else if (now && now.session_id > first.session_id)
      lost(new OpError(`${op} of ${instance} has ended and was started again by ${now.started_by}`))
  }
  const timer = setInterval(look, LOOK_MS)
  const changes = lab.onChange((name) => {
    if (name === instance) look()
  })
  look()
  return {
    [Symbol.dispose]() {
      clearInterval(timer)
      changes[Symbol.dispose]()
    },
  }
}

/** Asks on the terminal; anything but yes means no. */
async function askYes(question: string, context: Context): Promise<boolean> {
  const { input, signal } = context
  context.err(question)
  if (!input) return false
  const line = await new Promise<string>((done) => {
    input.once('data', (text: Buffer | string) => done(String(text)))
    input.once('end', () => done(''))
    signal.addEventListener('abort', () => done(''), { once: true })
    input.resume()
  })
  input.pause()
  return /^\s*y(es)?\s*$/i.test(line)
}

/** How a session that is over ended. @throws OpError when it failed */
export function ending(instance: string, op: string, session: OpSession): string {
  const took = duration((session.end_time ?? session.start_time) - session.start_time)
  const said = lastMessage(session)
  const text = `${session.success ? 'succeeded' : 'failed'} after ${took}${said ? `: ${said}` : ''}`
  if (!session.success) throw new OpError(`${instance} ${op} ${text}`)
  return `${instance} ${op} ${text}`
}
