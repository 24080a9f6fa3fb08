/** The password of a URL's user, in any text. */
const USER_INFO = /(\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s/?#@:]*):[^\s/?#]*@/gi
/** Names of secrets, also at the end of a longer name: `snmp_community`. */
const WORD = '(?:community|passw(?:or)?d|passphrase|pwd|secret|token|(?:api|private)[_-]?key)'
/**
 * A value: a word, or a quoted text; the quotes may be those of JSON within JSON, and the text may be cut
 * off.
 */
const VALUE = String.raw`(\\+"[^"\\]*|"(?:[^"\\]|\\.)*(?:"|$)|'[^'"\\]*'?|(?:[^\s,;&"'}\]\\]|\\(?!\\{0,4}["']))+)`
/** `community=…`, `"token": "…"`. */
const KEYED = new RegExp(String.raw`(${WORD}(?:\\*["'])?\s{0,9}[=:]\s{0,9})${VALUE}`, 'gi')
/** `--password …`, `"--password", "…"`. */
const FLAG = new RegExp(String.raw`(--[\w-]{0,40}?${WORD}["']?,?\s{1,9})(?!-)${VALUE}`, 'gi')
/** `Authorization: Bearer …`. */
const HEADER = /(\bauthorization["']?\s{0,9}[=:]\s{0,9}["']?(?:[a-z]+ +)?)[^\s"',;]+/gi
/** A token of a hub; the part that says whose it is stays. */
const TOKEN = /\b(ocs1_[A-Za-z0-9][\w-]{0,62}_)[\w-]{43}/g

/**
 * Text for a log or an error: `***` replaces passwords in URLs, tokens, and values of keys and flags that
 * name secrets.
 */
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
  // The closing quote of a value within JSON text is not part of the match.
  return `${key}${quote}***${quote.length > 1 ? '' : quote}`
}

/**
 * Keys of a document whose values are secrets; and those of parameters, where hiding too much is better than
 * too little.
 */
const [KEY, PARAMETER] = [
  new RegExp(`${WORD}$`, 'i'),
  /pwd|secret|token|community|credential|authori[sz]ation|(?:api|private)[_-]?key/i,
]
/** Words that contain "pass" but mean no password: `compass`, `low_pass`, `passive`. */
const HARMLESS =
  /(?<![a-z])(?:(?:com|by|tres|sur|over|under)|(?:low|high|band|all)[_-]?)pass(?!w|phrase|code|key)|(?<![a-z])pass(?:[_-]?band|ive|age|enger|ed|es|ing)/g
/** Whether the name of a parameter says that its value is secret. */
export function isSecret(name: PropertyKey): boolean {
  const text = String(name)
  const words = text.replaceAll(/([a-z])([A-Z])/g, '$1_$2').toLowerCase()
  return PARAMETER.test(text) || words.replaceAll(HARMLESS, '').includes('pass')
}
const SECRET_FLAG = new RegExp(String.raw`^--[\w-]{0,40}?${WORD}$`, 'i')

/**
 * A document as JSON for display, without the texts that `redact` hides and without values under names of
 * secrets.
 */
export function redactedJson(document: unknown, indent?: number): string {
  const hide = (key: string, value: unknown) =>
    KEY.test(key) && (typeof value === 'string' || typeof value === 'number') ? '***' : shown(value)
  return JSON.stringify(document, hide, indent)
}

/**
 * Parameters for display to others: values under names of secrets are `***` at any depth, and `redact` is
 * applied to all other texts.
 */
export function withoutSecrets<T>(params: T): T {
  return JSON.parse(
    JSON.stringify(params, (key, value) => (isSecret(key) && value !== null ? '***' : shown(value))),
  )
}

/** A value as shown; in a list of words, the value after a flag is treated by the name of the flag. */
function shown(value: unknown): unknown {
  if (typeof value === 'string') return redact(value)
  if (!Array.isArray(value)) return value
  return value.map((word, at) => (SECRET_FLAG.test(String(value[at - 1])) ? '***' : word))
}
