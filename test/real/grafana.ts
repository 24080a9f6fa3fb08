const URL_ = 'http://127.0.0.1:5000'

/** A curve in an answer of `/query`: values with their times, ms. */
export interface Curve {
  readonly target: string
  readonly datapoints: readonly (readonly [value: number | null, ms: number])[]
}

/** The request of Grafana's data source for its drop-down of metrics. */
export async function search(): Promise<string[]> {
  return JSON.parse(new TextDecoder().decode(await post('/search', { target: '' }))) as string[]
}

/**
 * A panel's request: curves of metrics between two times, in seconds before now. @throws Error unless the
 * status is 200
 */
export async function query(...asked: Parameters<typeof queryBody>): Promise<Curve[]> {
  return JSON.parse(new TextDecoder().decode(await queryBody(...asked))) as Curve[]
}

/** The same, as the raw body from the bridge. */
export function queryBody(
  targets: readonly string[],
  from = 60,
  to = 0,
  points = 20_000,
): Promise<ArrayBuffer> {
  const at = (ago: number) => new Date(Date.now() - ago * 1000).toISOString()
  return post('/query', {
    range: { from: at(from), to: at(to) },
    intervalMs: 1000,
    maxDataPoints: points,
    targets: targets.map((target, i) => ({ target, refId: String.fromCharCode(65 + i), type: 'timeserie' })),
  })
}

async function post(path: string, body: unknown): Promise<ArrayBuffer> {
  const headers = { 'content-type': 'application/json' }
  // One connection per request: a kept one may be closed by the bridge at the moment of its next use.
  const answer = await fetch(URL_ + path, {
    ...{ method: 'POST', headers, body: JSON.stringify(body) },
    keepalive: false,
  })
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return answer.arrayBuffer()
}
