import type { Bus } from '../bus/bus.ts'
import type { Counters } from './counters.ts'
import type { Identity } from './identity.ts'

/**
 * Logs each connection to the hub and each loss of it, and counts reconnections.
 * @param joined called at each connection
 */
export function watchHub(
  bus: Bus,
  { root, instance, session }: Identity,
  counters: Counters,
  log: (text: string) => void,
  joined: () => void,
): Disposable {
  let before = false
  return bus.onConnected((connected, reason) => {
    if (connected) {
      log('transport connected')
      if (before) counters.add('hub_reconnects')
      log(`session joined: ${instance} (address root ${root}, session ${session})`)
      joined()
    } else if (before) log(`transport lost${reason ? `: ${reason}` : ''}; reconnecting`)
    before ||= connected
  })
}
