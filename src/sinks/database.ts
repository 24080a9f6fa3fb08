import { messageOf, TransportError } from '../core/errors.ts'

/** Points that a database will not have, whatever is done; the others of their batch are in it. */
export interface Refused {
  readonly points: number
  /** In its own words. */
  readonly why: string
}

/** A database that takes points of line protocol. */
export interface Database {
  /** What people know it by; without what is secret. */
  readonly name: string
  /**
   * Writes points; resolves once the database has them.
   * @throws TransportError when it cannot be reached, or takes nothing now: the same again is no harm
   */
  write(points: readonly string[], signal: AbortSignal): Promise<Refused | undefined>
  /**
   * What names this run of a database that answers before it has points on its disk (VictoriaMetrics); undefined of one that has
   * them there when it answers.
   * @throws TransportError when it cannot be reached
   */
  life(signal: AbortSignal): Promise<string | undefined>
}

/** How a database is reached by HTTP. */
export interface Endpoint {
  readonly name: string
  /** Where points are posted. */
  readonly url: string
  /** Where VictoriaMetrics tells when it was started. */
  readonly metrics: string
  readonly headers: Readonly<Record<string, string>>
  readonly gzip: boolean
  /** Whether its certificate has to be right. */
  readonly verify: boolean
  /** What to look at where it refuses who is asking. */
  readonly credentials: string
  /** Makes what the points go into, where the database says that it is not there. */
  readonly create?: (signal: AbortSignal) => Promise<void>
}

/** Milliseconds that a database has to answer. */
const PATIENCE = 10_000
/** Seconds after its start from which on the second of it is that of no other run. */
const DISTINCT_S = 2
/** Characters of an answer that are told. */
const TOLD = 300

/** A database behind an HTTP endpoint. */
export function httpDatabase(endpoint: Endpoint): Database {
  const { name, url, headers, gzip, credentials, create } = endpoint
  const post = (points: readonly string[], signal: AbortSignal) => {
    const text = `${points.join('\n')}\n`
    return request(endpoint, url, signal, {
      method: 'POST',
      headers: { ...headers, ...(gzip && { 'content-encoding': 'gzip' }) },
      body: gzip ? Bun.gzipSync(text) : text,
    })
  }
  const write = async (
    points: readonly string[],
    signal: AbortSignal,
    mayCreate: boolean,
  ): Promise<Refused | undefined> => {
    const { status, text } = await post(points, signal)
    if (status >= 200 && status < 300) return undefined
    if (status === 404 && create && mayCreate) {
      await create(signal)
      return await write(points, signal, false)
    }
    if (status === 401 || status === 403)
      throw new TransportError(`${name} refuses access (HTTP ${status}): check ${credentials}`)
    if (![400, 413, 422].includes(status)) throw new TransportError(`${name}: HTTP ${status}: ${text}`)
    // InfluxDB says how many of a batch it has dropped, and has written the others.
    const dropped = Number(/\bdropped=(\d+)/.exec(text)?.[1] ?? 0)
    if (dropped > 0) return { points: dropped, why: text }
    if (points.length === 1) return { points: 1, why: text }
    // Nobody says which: the others are to be in the database all the same.
    const half = points.length >> 1
    const parts = [points.slice(0, half), points.slice(half)]
    let refused: Refused | undefined
    for (const part of parts) {
      const more = await write(part, signal, false)
      if (more) refused = { points: (refused?.points ?? 0) + more.points, why: more.why }
    }
    return refused
  }
  return {
    name,
    write: (points, signal) => write(points, signal, true),
    async life(signal) {
      const { status, text } = await request(endpoint, endpoint.metrics, signal, { headers })
      // Something in front of it answers, and not it.
      if (status >= 500) throw new TransportError(`${name}: HTTP ${status}: ${text}`)
      const [start, age] = ['start_timestamp', 'uptime_seconds'].map(
        (name) => new RegExp(String.raw`^vm_app_${name} (\d+)`, 'm').exec(text)?.[1],
      )
      if (status !== 200 || start === undefined) return undefined
      // Another may yet be started within that second.
      return Number(age) < DISTINCT_S ? `${start} ${crypto.randomUUID()}` : start
    },
  }
}

/** One request, with what came back. @throws TransportError when nothing does */
export async function request(
  { name, verify }: Pick<Endpoint, 'name' | 'verify'>,
  url: string,
  signal: AbortSignal,
  init: RequestInit,
): Promise<{ readonly status: number; readonly text: string }> {
  const late = AbortSignal.timeout(PATIENCE)
  try {
    const response = await fetch(url, {
      ...init,
      signal: AbortSignal.any([signal, late]),
      redirect: 'error',
      ...(!verify && { tls: { rejectUnauthorized: false } }),
    })
    const text = await response.text()
    return { status: response.status, text: response.ok ? text : text.trim().slice(0, TOLD) }
  } catch (cause) {
    const why = late.aborted ? `no answer within ${PATIENCE / 1000} s` : messageOf(cause)
    throw new TransportError(`${name} cannot be reached: ${why}`, { cause })
  }
}
