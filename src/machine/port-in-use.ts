import { readdir, readFile } from 'node:fs/promises'
import { ConfigError } from '../core/errors.ts'
import { listeners, openOf } from './listeners.ts'
import { hostPort } from './loopback.ts'

/** The error for a port that could not be opened: who has it, as far as this user may see, and what to do. */
export async function portError(
  host: string,
  port: number,
  cause: unknown,
  remedy = 'stop it, or choose another port with --listen (--listen-ws for WebSocket)',
): Promise<ConfigError> {
  const code = (cause as NodeJS.ErrnoException).code
  if (code === 'EACCES') {
    return new ConfigError(`port ${port} on ${host} may not be opened by this user: use a port above 1023`, {
      cause,
    })
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new ConfigError(`${host} is no address of this machine: name one that is, such as 127.0.0.1`, {
      cause,
    })
  }
  if (code !== 'EADDRINUSE') {
    return new ConfigError(`port ${port} on ${host} can't be opened: ${String(cause)}`, { cause })
  }
  const [server, holder] = await Promise.all([serverHeader(host, port), holderOf(port)])
  const who = /crossbar|autobahn/i.test(server ?? '')
    ? `a crossbar router ("${server}") answers there: ${remedy}`
    : remedy
  return new ConfigError(`port ${port} on ${host} is in use${holder ? ` by ${holder}` : ''}: ${who}`, {
    cause,
  })
}

/** What an HTTP server there calls itself; undefined when nothing answers HTTP within half a second. */
async function serverHeader(host: string, port: number): Promise<string | undefined> {
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), 500)
  try {
    const answer = await fetch(`http://${hostPort(name, port)}/`, {
      signal: late.signal,
      redirect: 'manual',
    })
    await answer.body?.cancel()
    return answer.headers.get('server') ?? undefined
  } catch {
    return undefined
  } finally {
    clearTimeout(timer)
  }
}

/** `name (pid 123)` of the process that listens on a TCP port; undefined off Linux or when it is another user's. */
async function holderOf(port: number): Promise<string | undefined> {
  const sockets = listeners('self').filter((one) => one.port === port)
  if (sockets.length === 0) return undefined
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || !openOf(pid).some((link) => sockets.some((one) => one.link === link))) continue
    const cmdline = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    return `${nameOf(cmdline)} (pid ${pid})`
  }
  return undefined
}

/** A command line as its user would know it: `ocs hub`, not the Bun that runs it. */
function nameOf(cmdline: string): string {
  const words = cmdline.split('\0').filter((word) => word !== '')
  const at = words.findIndex((word) => word.endsWith('/bin/ocs.ts'))
  if (at >= 0) return ['ocs', ...words.slice(at + 1, at + 2)].join(' ')
  return (words[0] ?? 'a process').split('/').at(-1) ?? 'a process'
}
