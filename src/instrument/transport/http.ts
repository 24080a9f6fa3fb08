import { ConfigError, messageOf, OpError, TransportError } from '../../core/errors.ts'
import type { Requester } from './request-link.ts'

const commandForm = /^(GET|POST|PUT|DELETE) (\/\S*)(?: (.*))?$/s

/**
 * An instrument with an HTTP interface. Commands are `GET /path` and `POST /path BODY`, paths beneath that of the address;
 * a body that is JSON is sent as such. Replies are the text that comes back. A name and password in the address go with
 * every request.
 */
export function openHttp(url: string): Requester {
  const address = new URL(url)
  const { username, password } = address
  address.username = address.password = ''
  const base = address.href.replace(/\/$/, '')
  const login = btoa(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)
  return {
    name: base,
    async request(command, timeout) {
      const [, method = '', path = '', body] = commandForm.exec(command) ?? []
      if (method === '')
        throw new ConfigError(`${JSON.stringify(command)} is not "GET /path" or "POST /path BODY"`)
      const headers = {
        ...(username && { authorization: `Basic ${login}` }),
        ...(body && { 'content-type': isJson(body) ? 'application/json' : 'text/plain' }),
      }
      const signal = AbortSignal.timeout(timeout)
      let answer: { ok: boolean; status: number; statusText: string }
      let text: string
      try {
        const response = await fetch(base + path, { method, headers, signal, ...(body && { body }) })
        answer = response
        text = await response.text()
      } catch (cause) {
        const why = signal.aborted ? `no answer in ${timeout} ms` : messageOf(cause)
        throw new TransportError(`${base}: ${method} ${path}: ${why}`, { cause })
      }
      if (answer.ok) return text
      const said = text.trim().slice(0, 80)
      throw new OpError(
        `${base}: ${method} ${path}: ${answer.status} ${answer.statusText}${said && `: ${JSON.stringify(said)}`}`,
      )
    },
    close: async () => {},
  }
}

function isJson(body: string): boolean {
  try {
    JSON.parse(body)
    return true
  } catch {
    return false
  }
}
