import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { z } from 'zod'
import { messageOf } from '../core/errors.ts'

/** Number of characters from which an answer is worth compressing. */
const GZIP_FROM = 1024
const SECURITY = { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' }

/** An invalid request: 400 with the reason. */
export function badRequest(message: string): HTTPException {
  return new HTTPException(400, { message })
}

/** Validates a body with its schema and answers it; 400 names the problem. */
export async function checked<S extends z.ZodType>(
  c: Context,
  schema: S,
  act: (body: z.output<S>) => unknown,
): Promise<Response> {
  let given: unknown
  try {
    given = JSON.parse((await c.req.text()) || '{}')
  } catch (error) {
    throw badRequest(`the body cannot be read as JSON: ${messageOf(error)}`)
  }
  const { success, data, error } = schema.safeParse(given)
  if (success) return answer(c, await act(data))
  const faults = error.issues
    .slice(0, 5)
    .map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`)
  throw badRequest(faults.join('; '))
}

/** The parameters of a request: those in its URL, then those of its form. */
export async function parameters(c: Context): Promise<URLSearchParams> {
  const all = new URL(c.req.url).searchParams
  if (c.req.method === 'POST')
    for (const [key, value] of new URLSearchParams(await c.req.text())) all.append(key, value)
  return all
}

/** Sends JSON. */
export function answer(c: Context, data: unknown): Promise<Response> {
  return send(c, JSON.stringify(data), 'application/json')
}

/** Lists in a header the parts of a request that are left out. */
export function tellLeftOut(c: Context, reasons: readonly string[]): void {
  if (reasons.length > 0) c.header('x-ocs-left-out', oneLine(reasons.join('; ')))
}

/** Lists in a header the metrics with more samples than the answer contains. */
export function tellThinned(c: Context, metrics: readonly string[]): void {
  if (metrics.length > 0) c.header('x-ocs-thinned', oneLine(metrics.join('; ')))
}

/** Text made safe for a header or a line of the log. */
export function oneLine(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, 1000)
}

const compress = promisify<string, { level: number }, Buffer<ArrayBuffer>>(gzip)

/** Sends text of any type, compressed for clients that accept it. */
export async function send(c: Context, text: string, type: string): Promise<Response> {
  const headers = { ...SECURITY, 'content-type': type, vary: 'accept-encoding' }
  if (text.length < GZIP_FROM || !/\bgzip\b/i.test(c.req.header('accept-encoding') ?? '')) {
    return c.body(text, 200, headers)
  }
  const packed = await compress(text, { level: constants.Z_BEST_SPEED })
  return c.body(packed, 200, { ...headers, 'content-encoding': 'gzip' })
}
