import { listeners, openOf } from '../machine/listeners.ts'

/**
 * What a process has open to the outside: TCP ports that it listens on (`127.0.0.1:1883`) and serial ports. Empty off
 * Linux, and of another user's process.
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
