import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/**
 * What a process has open to the outside: TCP ports that it listens on (`127.0.0.1:1883`) and serial ports. Empty off
 * Linux, and of another user's process.
 */
export function portsOf(pid: number): string[] {
  const open = linksOf(pid)
  if (open.length === 0) return []
  const listening = new Map(['tcp', 'tcp6'].flatMap((table) => listenersOf(pid, table)))
  const found = open.flatMap((link) =>
    /^\/dev\/(tty.|pts\/)/.test(link) ? link : (listening.get(link) ?? []),
  )
  return [...new Set(found)].sort()
}

function linksOf(pid: number): string[] {
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

/** Addresses that are listened on, by `socket:[INODE]`. Columns of proc(5): local address, state (0A is LISTEN), inode. */
function listenersOf(pid: number, table: string): [link: string, address: string][] {
  try {
    const lines = readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n').slice(1)
    return lines
      .map((line) => line.trim().split(/\s+/))
      .filter((columns) => columns[3] === '0A')
      .map((columns) => [`socket:[${columns[9]}]`, addressOf(columns[1] ?? '')])
  } catch {
    return []
  }
}

/** `0100007F:075B` is 127.0.0.1:1883; of IPv6 the port alone is told. */
function addressOf(hex: string): string {
  const [host = '', port = ''] = hex.split(':')
  const number = Number.parseInt(port, 16)
  if (host.length !== 8) return `[…]:${number}`
  const bytes = host.match(/../g)?.map((byte) => Number.parseInt(byte, 16)) ?? []
  return `${bytes.toReversed().join('.')}:${number}`
}
