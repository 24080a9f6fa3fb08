import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** A socket that listens, of TCP where nothing else is said. */
interface ListeningSocket {
  /** `socket:[INODE]`, as the descriptors of its process lead to it. */
  readonly link: string
  /** `127.0.0.1`; of IPv6 `[…]` alone. */
  readonly host: string
  readonly port: number
  /** Whose it is. */
  readonly uid: number
}

/** What a port is of, with the state that proc(5) gives to a socket that listens there. */
const LISTENS = { tcp: '0A', udp: '07' } as const
export type PortKind = keyof typeof LISTENS

/** The sockets that listen where a process runs, of all its users' processes; none off Linux. */
export function listeners(pid: number | 'self', kind: PortKind = 'tcp'): ListeningSocket[] {
  return [kind, `${kind}6`].flatMap((table) => {
    try {
      // Columns of proc(5): local address, state, uid, inode.
      const lines = readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n').slice(1)
      const columns = lines
        .map((line) => line.trim().split(/\s+/))
        .filter((column) => column[3] === LISTENS[kind])
      return columns.map((column) => ({
        ...{ link: `socket:[${column[9]}]`, uid: Number(column[7]) },
        ...addressOf(column[1] ?? ''),
      }))
    } catch {
      return []
    }
  })
}

/** The account of all that listens on a port of this machine; undefined where nothing does, or several do. */
export function listenerOf(port: number): number | undefined {
  const [uid, ...others] = new Set(listeners('self').flatMap((one) => (one.port === port ? [one.uid] : [])))
  return others.length === 0 ? uid : undefined
}

/** Where the descriptors of a process lead; empty off Linux, and of another user's process. */
export function openOf(pid: number | string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => linkOf(`/proc/${pid}/fd/${fd}`))
  } catch {
    return []
  }
}

function linkOf(path: string): string[] {
  try {
    return [readlinkSync(path)]
  } catch {
    // Closed meanwhile.
    return []
  }
}

/** `0100007F:075B` is 127.0.0.1:1883. */
function addressOf(hex: string): { host: string; port: number } {
  const [host = '', port = ''] = hex.split(':')
  const bytes = host.match(/../g)?.map((byte) => Number.parseInt(byte, 16)) ?? []
  return { host: bytes.length === 4 ? bytes.toReversed().join('.') : '[…]', port: Number.parseInt(port, 16) }
}
