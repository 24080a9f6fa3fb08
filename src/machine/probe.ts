import { connect } from 'node:net'
import { addressesIn } from '../core/host-port.ts'

/** Milliseconds to wait for an answer. */
const PROBE_MS = 1000

/** Whether something listens at an address, or at one of several separated by commas. */
export async function answers(text: string): Promise<boolean> {
  return (await Promise.all(addressesIn(text).map(listens))).includes(true)
}

function listens(url: string): Promise<boolean> {
  const { hostname: name, port, protocol } = new URL(url)
  const fallback =
    { 'mqtt:': 1883, 'mqtts:': 8883, 'ws:': 80, 'wss:': 443, 'http:': 80, 'https:': 443 }[protocol] ?? 1883
  return new Promise((done) => {
    const socket = connect({ host: name.replace(/^\[|\]$/g, ''), port: Number(port) || fallback })
    const end = (is: boolean) => {
      socket.destroy()
      done(is)
    }
    socket.setTimeout(PROBE_MS, () => end(false))
    socket.once('connect', () => end(true)).once('error', () => end(false))
  })
}
