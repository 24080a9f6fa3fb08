import type { z } from 'zod'
import { connectMqtt } from '../bus/mqtt.ts'
import { channels } from '../core/channels.ts'
import { CONNACK, TransportError } from '../core/errors.ts'

/** Seconds that a hub has to check a password. */
const HUB_SECONDS = 15

/** A hub, and the authority that it has to have, PEM; without one those that Bun knows. */
export interface LogInAt {
  readonly url: string
  readonly root: string
  readonly ca: string | undefined
}
/** What a hub gives for a name and a password. */
export type Fetched = z.output<typeof channels.login.payload>
/**
 * Why it gives nothing: another password or name; too often, or too many at once; `stranger`, this program's word on where
 * somebody comes from does not count there.
 */
export type NotFetched = 'wrong' | 'wait' | 'stranger'

/**
 * Fetches a token for a name and a password.
 * @throws TransportError when no hub answers
 */
export async function fetchToken(
  { url, root, ca }: LogInAt,
  name: string,
  password: string,
): Promise<Fetched | NotFetched> {
  const client = `login-${crypto.randomUUID().slice(0, 8)}`
  const { promise, resolve, reject } = Promise.withResolvers<Fetched | NotFetched>()
  await using bus = connectMqtt({
    url,
    client,
    credentials: () => ({ principal: name, tokens: [], password, ca }),
    onRefused: (_, code) =>
      resolve(code === CONNACK.noRoom ? 'wait' : code === CONNACK.notAuthorised ? 'stranger' : 'wrong'),
  })
  const late = setTimeout(
    () =>
      reject(
        new TransportError(
          `the hub at ${url} did not answer within ${HUB_SECONDS} s: ${bus.problem?.text ?? 'is "ocs hub" running there?'}`,
        ),
      ),
    HUB_SECONDS * 1000,
  )
  try {
    bus.subscribe(channels.login, { root, client }, resolve).catch(reject)
    return await promise
  } finally {
    clearTimeout(late)
  }
}
