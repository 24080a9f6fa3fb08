import { readdir } from 'node:fs/promises'
import { ConfigError } from '../core/errors.ts'
import { hostPort } from '../core/host-port.ts'
import { listeners, openOf, type PortKind } from './listeners.ts'
import { processName } from './process-name.ts'

/**
 * The error for a port that could not be opened: which process has it, as far as this user may see, and what
 * to do.
 */
export async function portError(
  host: string,
  port: number,
  cause: unknown,
  remedy = 'stop it, or choose another port with --listen (--listen-ws for WebSocket)',
  kind: PortKind = 'tcp',
): Promise<ConfigError> {
  const code = (cause as NodeJS.ErrnoException).code
  if (code === 'EACCES') {
    return new ConfigError(`port ${port} on ${host} cannot be opened by this user: use a port above 1023`, {
      cause,
    })
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new ConfigError(`${host} is not an address of this machine: use one that is, such as 127.0.0.1`, {
      cause,
    })
  }
  if (code !== 'EADDRINUSE') {
    return new ConfigError(`port ${port} on ${host} can't be opened: ${String(cause)}`, { cause })
  }
  const [server, holder] = await Promise.all([
    kind === 'tcp' ? serverHeader(host, port) : undefined,
    portHolder(port, kind),
  ])
  const who = /crossbar|autobahn/i.test(server ?? '')
    ? `a crossbar router ("${server}") answers there: ${remedy}`
    : remedy
  return new ConfigError(`port ${port} on ${host} is in use${holder ? ` by ${holder}` : ''}: ${who}`, {
    cause,
  })
}

/** The `Server` header of an HTTP server; undefined if nothing answers HTTP within half a second. */
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

/**
 * The process that listens on a port, `ocs hub (pid 123)`; undefined on systems other than Linux, and for
 * another user's process.
 */
export async function portHolder(port: number, kind: PortKind = 'tcp'): Promise<string | undefined> {
  const sockets = listeners('self', kind).filter((one) => one.port === port)
  if (sockets.length === 0) return undefined
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const pid = pids.find((one) => openOf(one).some((link) => sockets.some((socket) => socket.link === link)))
  return pid === undefined ? undefined : processName(Number(pid))
}
