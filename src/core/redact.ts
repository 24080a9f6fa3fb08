/** The password of a URL's user, in any text. */
const USER_INFO = /(\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s/?#@:]*):[^\s/?#]*@/gi
/** What names a secret, also as the end of a longer name: `snmp_community`. */
const WORD = '(?:community|passw(?:or)?d|passphrase|pwd|secret|token|(?:api|private)[_-]?key)'
/** A value: a word, or what stands in quotes, which may be those of JSON within JSON, and may have been cut. */
const VALUE = String.raw`(\\+"[^"\\]*|"(?:[^"\\]|\\.)*(?:"|$)|'[^'"\\]*'?|(?:[^\s,;&"'}\]\\]|\\(?!\\{0,4}["']))+)`
/** `community=…`, `"token": "…"`. */
const KEYED = new RegExp(String.raw`(${WORD}(?:\\*["'])?\s{0,9}[=:]\s{0,9})${VALUE}`, 'gi')
/** `--password …`, `"--password", "…"`. */
const FLAG = new RegExp(String.raw`(--[\w-]{0,40}?${WORD}["']?,?\s{1,9})(?!-)${VALUE}`, 'gi')
/** `Authorization: Bearer …`. */
const HEADER = /(\bauthorization["']?\s{0,9}[=:]\s{0,9}["']?(?:[a-z]+ +)?)[^\s"',;]+/gi
/** A token of a hub, of which it stays whose it is. */
const TOKEN = /\b(ocs1_[A-Za-z0-9][\w-]{0,62}_)[\w-]{43}/g

/** Text for a log or an error: passwords in URLs, tokens, and values of keys and flags that name secrets are `***`. */
export function redact(text: string): string {
  return text
    .replace(USER_INFO, '$1:***@')
    .replace(TOKEN, '$1***')
    .replace(HEADER, '$1***')
    .replace(KEYED, hidden)
    .replace(FLAG, hidden)
}

function hidden(_: string, key: string, value: string): string {
  const [quote = ''] = /^\\*["']/.exec(value) ?? []
  // The end of one within JSON's own text is not taken.
  return `${key}${quote}***${quote.length > 1 ? '' : quote}`
}

/** Keys of a document whose values are secrets; those of parameters, where one sooner hides too much. */
const [KEY, PARAMETER] = [
  new RegExp(`${WORD}$`, 'i'),
  /pwd|secret|token|community|credential|authori[sz]ation|(?:api|private)[_-]?key/i,
]
/** Words in which there is "pass" and no password: `compass`, `low_pass`, `passive`. */
const HARMLESS =
  /(?<![a-z])(?:(?:com|by|tres|sur|over|under)|(?:low|high|band|all)[_-]?)pass(?!w|phrase|code|key)|(?<![a-z])pass(?:[_-]?band|ive|age|enger|ed|es|ing)/g
/** Whether the value of a parameter of this name is nobody's business. */
export function isSecret(name: PropertyKey): boolean {
  const text = String(name)
  const words = text.replaceAll(/([a-z])([A-Z])/g, '$1_$2').toLowerCase()
  return PARAMETER.test(text) || words.replaceAll(HARMLESS, '').includes('pass')
}
const SECRET_FLAG = new RegExp(String.raw`^--[\w-]{0,40}?${WORD}$`, 'i')

/** A document as JSON for somebody to read, without what `redact` hides in its texts, and values under names of secrets. */
export function redactedJson(document: unknown, indent?: number): string {
  const hide = (key: string, value: unknown) =>
    KEY.test(key) && (typeof value === 'string' || typeof value === 'number') ? '***' : shown(value)
  return JSON.stringify(document, hide, indent)
}

/**
 * Parameters as others may see them: values under names that tell of secrets are `***`, however deep, and what `redact` hides in
 * the texts of others.
 */
export function withoutSecrets<T>(params: T): T {
  return JSON.parse(
    JSON.stringify(params, (key, value) => (isSecret(key) && value !== null ? '***' : shown(value))),
  )
}

/** A value itself; of a list of words, too, what stands behind a flag. */
function shown(value: unknown): unknown {
  if (typeof value === 'string') return redact(value)
  if (!Array.isArray(value)) return value
  return value.map((word, at) => (SECRET_FLAG.test(String(value[at - 1])) ? '***' : word))
}
