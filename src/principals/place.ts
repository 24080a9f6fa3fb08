import { isLoopback } from '../core/host-port.ts'

/** What counts as one address: this machine, an IPv4 address, a network of IPv6, of which one host has many. */
export function placeOf(from: string): string {
  const address = addressAlone(from)
  if (isLoopback(address)) return 'loopback'
  if (!address.includes(':')) return address
  const [head = '', tail = ''] = address.split('::')
  const left = head.split(':').filter(Boolean)
  const right = tail.split(':').filter(Boolean)
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0')
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':')}::/64`
}

/** The address of `10.0.0.7:1234`, `[::1]:1234`, `::1`. */
export function addressAlone(from: string): string {
  const host = /^\[(.*)\]:\d+$/.exec(from)?.[1] ?? from.replace(/^([^:]+):\d+$/, '$1')
  return host.replace(/^::ffff:/i, '')
}
