import { messageOf, TransportError } from '../core/errors.ts'

/** Points that a database will never accept; the others of their batch are in it. */
export interface Refused {
  readonly points: number
  /** In the database's words. */
  readonly why: string
}

/** A database that takes points of line protocol. */
export interface Database {
  /** Its name for people, without secrets. */
  readonly name: string
  /**
   * Writes points; resolves once the database has them.
   * @throws TransportError if it cannot be reached, or accepts nothing now: writing the same again does no
   * harm
   */
  write(points: readonly string[], signal: AbortSignal): Promise<Refused | undefined>
  /**
   * Identifies this run of a database that answers before points are on its disk (VictoriaMetrics); undefined
   * for one that has them on disk when it answers.
   * @throws TransportError if it cannot be reached
   */
  life(signal: AbortSignal): Promise<string | undefined>
}

/** How to reach a database by HTTP. */
export interface Endpoint {
  readonly name: string
  /** Where points are posted. */
  readonly url: string
  /** Where VictoriaMetrics reports when it was started. */
  readonly metrics: string
  readonly headers: Readonly<Record<string, string>>
  readonly gzip: boolean
  /** Whether its certificate must be valid. */
  readonly verify: boolean
  /** What to check if it refuses the credentials. */
  readonly credentials: string
  /** Creates the database or bucket if the server says that it does not exist. */
  readonly create?: (signal: AbortSignal) => Promise<void>
}

/** Milliseconds that a database has to answer. */
const PATIENCE = 10_000
/** Seconds after the start of a run from which on its start second belongs to no other run. */
const DISTINCT_S = 2
/** Maximum characters of an answer that are quoted. */
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
    // InfluxDB reports how many points of a batch it has dropped, and has written the others.
    const dropped = Number(/\bdropped=(\d+)/.exec(text)?.[1] ?? 0)
    if (dropped > 0) return { points: dropped, why: text }
    if (points.length === 1) return { points: 1, why: text }
    // It is not reported which ones, and the others must get into the database all the same.
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
      // Something in front of it answered, not the database.
      if (status >= 500) throw new TransportError(`${name}: HTTP ${status}: ${text}`)
      const [start, age] = ['start_timestamp', 'uptime_seconds'].map(
        (name) => new RegExp(String.raw`^vm_app_${name} (\d+)`, 'm').exec(text)?.[1],
      )
      if (status !== 200 || start === undefined) return undefined
      // Another run may yet be started within that second.
      return Number(age) < DISTINCT_S ? `${start} ${crypto.randomUUID()}` : start
    },
  }
}

/** One request, with its response. @throws TransportError if there is none */
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
