import type { Bus } from '../../bus/bus.ts'
import { connectMqtt } from '../../bus/mqtt.ts'
import { type Fetched, fetchToken, type NotFetched } from '../../lab/fetch-token.ts'
import { vouchedPassword } from '../../principals/vouched.ts'

/** The people of a hub, as a bridge reaches them: it keeps no passwords and decides about nobody. */
export interface HubPeople {
  /**
   * A token for somebody's password.
   * @param address where they come from, by which the hub counts wrong ones
   * @throws TransportError when there is no hub
   */
  logIn(name: string, password: string, address: string): Promise<Fetched | NotFetched>
  /** A connection of somebody's own. @param onRefused hears that the hub does not, or no longer, take the token */
  connect(name: string, token: string, onRefused: () => void): Bus
}
/** How a bridge reaches its hub. */
interface Way {
  readonly url: string
  readonly root: string
  /** What the bridge shows of itself. */
  credentials(to?: {
    readonly url: string
  }): { readonly tokens: readonly string[]; readonly ca?: string | undefined } | undefined
}

/** The people of the hub at an address. */
export function hubPeople({ url, root, credentials }: Way): HubPeople {
  return {
    logIn(name, password, address) {
      const { tokens = [], ca } = credentials() ?? {}
      // A bridge without a token counts as one guesser.
      const text =
        tokens.length > 0 ? vouchedPassword({ shown: tokens.join('.'), address, password }) : password
      return fetchToken({ url, root, ca }, name, text)
    },
    connect: (name, token, onRefused) =>
      connectMqtt({
        url,
        // No instance-id has a dot.
        client: `${name}.${crypto.randomUUID().slice(0, 8)}`,
        credentials: (to) => ({ principal: name, tokens: [token], ca: credentials(to)?.ca }),
        onRefused,
      }),
  }
}
