import { listeners, openOf } from '../machine/listeners.ts'

/**
 * The TCP ports that a process listens on (`127.0.0.1:1883`), and its open serial ports. Empty on systems
 * other than Linux, and for another user's process.
 */
export function portsOf(pid: number): string[] {
  const open = openOf(pid)
  if (open.length === 0) return []
  const listening = new Map(listeners(pid).map(({ link, host, port }) => [link, `${host}:${port}`]))
  const found = open.flatMap((link) =>
    /^\/dev\/(tty.|pts\/)/.test(link) ? link : (listening.get(link) ?? []),
  )
  return [...new Set(found)].sort()
}
