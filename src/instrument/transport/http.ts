import { ConfigError, OpError } from '../../core/errors.ts'
import { closedHere, noReply, systemFailure } from './failures.ts'
import type { Requester } from './request-link.ts'

const commandForm = /^(GET|POST|PUT|DELETE) (\/\S*)(?: (.*))?$/s

/**
 * An instrument with an HTTP interface. Commands are `GET /path` and `POST /path BODY`, with paths relative
 * to that of the address; a body that is JSON is sent with that content type. Replies are the response text.
 * A name and password in the address are sent with every request.
 */
export function openHttp(url: string): Requester {
  const address = new URL(url)
  const { username, password } = address
  address.username = address.password = ''
  const base = address.href.replace(/\/$/, '')
  const login = btoa(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)
  const closing = new AbortController()
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
      if (closing.signal.aborted) throw closedHere(base)
      const giveUp = new AbortController()
      let late = false
      const timer = setTimeout(() => {
        late = true
        giveUp.abort()
      }, timeout)
      const stop = () => {
        clearTimeout(timer)
        giveUp.abort()
      }
      closing.signal.addEventListener('abort', stop)
      const { signal } = giveUp
      let answer: { ok: boolean; status: number; statusText: string }
      let text: string
      try {
        // One connection per request: a kept one would outlast the link, and pass surplus bytes to the next
        // request.
        const own = { method, headers, signal, keepalive: false }
        const response = await fetch(base + path, { ...own, ...(body && { body }) })
        answer = response
        text = await response.text()
      } catch (cause) {
        if (closing.signal.aborted) throw closedHere(base)
        if (late) throw noReply(base, `${method} ${path}`, timeout, cause)
        throw systemFailure(`${base}: ${method} ${path}`, cause as Error)
      } finally {
        clearTimeout(timer)
        closing.signal.removeEventListener('abort', stop)
      }
      if (answer.ok) return text
      const said = text.trim().slice(0, 80)
      throw new OpError(
        `${base}: ${method} ${path}: ${answer.status} ${answer.statusText}${said && `: ${JSON.stringify(said)}`}`,
      )
    },
    close: async () => closing.abort(),
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
