import { addressesIn } from '../core/host-port.ts'
import { redact } from '../core/redact.ts'

const WEBSOCKET = ['ws:', 'wss:']
const ANY = ['mqtt:', 'mqtts:', ...WEBSOCKET]

/** Why a text is not an address of a hub; undefined if it is one. */
export function serverFault(text: string, isWebSocketOnly = false): string | undefined {
  const url = URL.parse(text)
  const schemes = isWebSocketOnly ? WEBSOCKET : ANY
  const example = isWebSocketOnly ? 'ws://localhost:8001/ws' : 'mqtt://127.0.0.1:1883'
  if (!url || url.hostname === '' || !text.includes('//')) return `not an address: write it as ${example}`
  if (url.username !== '' || url.password !== '')
    return 'addresses appear in logs, so put no user or password into them: use mqtt_user: NAME and mqtt_password_file: FILE'
  if (schemes.includes(url.protocol)) return undefined
  if (isWebSocketOnly && ANY.includes(url.protocol)) return 'name this key mqtt_server'
  return `does not begin with one of ${schemes.map((scheme) => `${scheme}//`).join(', ')}: write it as ${example}`
}

/** Why a text is not an address of a hub, nor several separated by commas; undefined if it is. */
export function serversFault(text: string): string | undefined {
  const all = addressesIn(text)
  for (const one of all) {
    const fault = serverFault(one)
    if (fault !== undefined) return all.length === 1 ? fault : `${JSON.stringify(redact(one))}: ${fault}`
  }
  return undefined
}
