import { setClock } from './clock.ts'
import type { StreamEvents } from './shape.ts'

/** Milliseconds of silence after which the stream counts as dead: the bridge sends something every 2 s. */
const QUIET_MS = 7000
/** Milliseconds that a new stream has to begin: giving up too early would load a slow bridge for nothing. */
const BEGIN_MS = 20_000
/** Milliseconds before the next attempt. */
const AGAIN_MS = 1500

/** Milliseconds that the bridge has to answer. */
const ANSWER_MS = 15_000

export type Link = 'connecting' | 'live' | 'no hub' | 'offline'
type Handlers = { readonly [K in keyof StreamEvents]?: (data: StreamEvents[K]) => void }
interface Listeners extends Handlers {
  /** The state of the connection, whenever it changes. */
  link(state: Link): void
}

/** Keeps the page's one stream open: reopens it if it is dead, also after the network was gone. */
export function connect(listeners: Listeners): void {
  let source: EventSource | undefined
  let heard = performance.now()
  let begun = false
  let retry = 0
  let state: Link | undefined
  const link = (now: Link) => {
    if (now !== state) listeners.link(now)
    state = now
  }
  const names = ['hello', 'tick', 'agent', 'forgotten', 'fields', 'happened', 'values'] as const

  const open = () => {
    clearTimeout(retry)
    source?.close()
    heard = performance.now()
    begun = false
    const own = new EventSource('/page/stream')
    source = own
    for (const name of names) {
      own.addEventListener(name, ({ data }: MessageEvent<string>) => {
        heard = performance.now()
        begun = true
        const parsed = JSON.parse(data) as never
        if (name === 'tick' || name === 'hello') setClock((parsed as StreamEvents['tick']).now)
        if (name === 'tick') link((parsed as StreamEvents['tick']).hub ? 'live' : 'no hub')
        ;(listeners[name] as ((data: unknown) => void) | undefined)?.(parsed)
      })
    }
    own.addEventListener('error', again)
  }
  const again = () => {
    link('offline')
    source?.close()
    heard = performance.now()
    clearTimeout(retry)
    retry = setTimeout(open, AGAIN_MS)
  }
  setInterval(() => {
    if (performance.now() - heard > (begun ? QUIET_MS : BEGIN_MS)) again()
  }, 1000)
  addEventListener('offline', again)
  addEventListener('online', open)
  // A phone that wakes up has lost its stream long ago.
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && performance.now() - heard > QUIET_MS / 2) open()
  })
  link('connecting')
  open()
}

/** Requests JSON from the bridge. @throws Error with the bridge's message */
export async function get<T>(path: string): Promise<T> {
  return read<T>(await fetch(path, { headers: { accept: 'application/json' }, signal: patience() }))
}

/** Sends JSON to the bridge. @throws Error with the bridge's message */
export async function post<T>(path: string, body: unknown): Promise<T> {
  const headers = { 'content-type': 'application/json' }
  const sent = { method: 'POST', headers, body: JSON.stringify(body), signal: patience() }
  return read<T>(await fetch(path, sent))
}

function patience(): AbortSignal {
  return AbortSignal.timeout(ANSWER_MS)
}

async function read<T>(answer: Response): Promise<T> {
  const data = (await answer.json().catch(() => ({}))) as T & { readonly error?: string }
  if (answer.ok) return data
  throw new Error(data.error ?? `the bridge answered ${answer.status}`)
}
