/** The password of a URL's user, in any text. */
const USER_INFO = /(\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s/?#@:]*):[^\s/?#]*@/gi
/** What stands behind a key that names a secret: `community=…`, `--password …`, `"token": "…"`. */
const KEYED =
  /(["']?\b(?:community|password|passwd|secret|token|api[_-]?key)["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&"'}\]]+)/gi

/** Text for a log or an error: passwords in URLs and values of keys that name secrets are `***`. */
export function redact(text: string): string {
  return text.replace(USER_INFO, '$1:***@').replace(KEYED, (_, key: string, value: string) => {
    const quote = /^["']/.exec(value)?.[0] ?? ''
    return `${key}${quote}***${quote}`
  })
}

/** Names of parameters whose values are nobody's business. */
const SECRET = /pass|secret|token|community|credential|api_?key/i

/** Parameters as others may see them: values under names that tell of secrets are `***`, however deep. */
export function withoutSecrets<T>(params: T): T {
  return JSON.parse(JSON.stringify(params), (key, value) => (SECRET.test(key) ? '***' : value))
}
