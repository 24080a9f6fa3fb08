import type { Bus } from '../../bus/bus.ts'
import { connectMqtt } from '../../bus/mqtt.ts'
import { type Fetched, fetchToken, type NotFetched } from '../../lab/fetch-token.ts'
import { vouchedPassword } from '../../principals/vouched.ts'

/** Access to the people of a hub: the bridge stores no passwords and makes no decisions about people. */
export interface HubPeople {
  /**
   * A token in exchange for a person's password.
   * @param address where they come from; the hub counts wrong passwords by it
   * @throws TransportError if the hub cannot be reached
   */
  logIn(name: string, password: string, address: string): Promise<Fetched | NotFetched>
  /**
   * A connection in the name of a person. @param onRefused called if the hub does not, or no longer, accept
   * the token
   */
  connect(name: string, token: string, onRefused: () => void): Bus
}
/** How a bridge reaches its hub. */
interface Way {
  readonly url: string
  readonly root: string
  /** The bridge's own credentials. */
  credentials(to?: {
    readonly url: string
  }): { readonly tokens: readonly string[]; readonly ca?: string | undefined } | undefined
}

/** The people of the hub at an address. */
export function hubPeople({ url, root, credentials }: Way): HubPeople {
  return {
    logIn(name, password, address) {
      const { tokens = [], ca } = credentials() ?? {}
      // A bridge without a token counts as a single guesser.
      const text =
        tokens.length > 0 ? vouchedPassword({ shown: tokens.join('.'), address, password }) : password
      return fetchToken({ url, root, ca }, name, text)
    },
    connect: (name, token, onRefused) =>
      connectMqtt({
        url,
        // An instance-id never contains a dot.
        client: `${name}.${crypto.randomUUID().slice(0, 8)}`,
        credentials: (to) => ({ principal: name, tokens: [token], ca: credentials(to)?.ca }),
        onRefused,
      }),
  }
}
