import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** A listening socket, TCP by default. */
interface ListeningSocket {
  /** `socket:[INODE]`, the link target of its process's descriptor. */
  readonly link: string
  /** `127.0.0.1`; for IPv6 only `[…]`. */
  readonly host: string
  readonly port: number
  /** The user id of its owner. */
  readonly uid: number
}

/** The state of a listening socket in proc(5), by kind of port. */
const LISTENS = { tcp: '0A', udp: '07' } as const
export type PortKind = keyof typeof LISTENS

/**
 * The listening sockets in the network namespace of a process, of all users; none on systems other than
 * Linux.
 */
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

/** The account of all listeners on a port of this machine; undefined if there is none, or if they differ. */
export function listenerOf(port: number): number | undefined {
  const [uid, ...others] = new Set(listeners('self').flatMap((one) => (one.port === port ? [one.uid] : [])))
  return others.length === 0 ? uid : undefined
}

/**
 * The link targets of a process's descriptors; empty on systems other than Linux, and for another user's
 * process.
 */
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
    // Closed in the meantime.
    return []
  }
}

/** `0100007F:075B` is 127.0.0.1:1883. */
function addressOf(hex: string): { host: string; port: number } {
  const [host = '', port = ''] = hex.split(':')
  const bytes = host.match(/../g)?.map((byte) => Number.parseInt(byte, 16)) ?? []
  return { host: bytes.length === 4 ? bytes.toReversed().join('.') : '[…]', port: Number.parseInt(port, 16) }
}
