/**
 * The command log of `--trace`: every command to an instrument and every reply, with times. One per process.
 */

let log: ((line: string) => void) | undefined

/** A completed exchange with an instrument. */
export interface Exchange {
  /** The name of its link. */
  readonly name: string
  readonly command: string
  /** Null if none was expected; the error if it failed. */
  readonly reply: string | Error | null
}
let tap: ((exchange: Exchange) => void) | undefined

/** Calls the listener for every exchange of this process until disposed; one listener at a time. */
export function tapExchanges(listener: (exchange: Exchange) => void): Disposable {
  tap = listener
  return {
    [Symbol.dispose]() {
      tap = undefined
    },
  }
}

/** The longest reply shown in full, in characters. */
const LIMIT = 400

/** Sends the command log to `sink`; undefined ends it. */
export function traceTo(sink: ((line: string) => void) | undefined): void {
  log = sink
}

/**
 * Logs a completed exchange: link, command, reply or error (null: no reply expected), and its duration in ms.
 */
export function trace(name: string, command: string, reply: string | Error | null, ms: number): void {
  tap?.({ name, command, reply })
  if (!log) return
  const took = `(${ms.toFixed(1)} ms)`
  const at = `${new Date().toISOString()} ${name}`
  if (reply === null) log(`trace ${at} ${shown(command)} ${took}`)
  else if (reply instanceof Error) log(`trace ${at} ${shown(command)} failed: ${reply.message} ${took}`)
  else log(`trace ${at} ${shown(command)} -> ${shown(reply)} ${took}`)
}

/** Logs unsolicited input from an instrument. */
export function traceUnasked(name: string, what: string): void {
  log?.(`trace ${new Date().toISOString()} ${name} unsolicited: ${what}`)
}

function shown(text: string): string {
  const more = text.length - LIMIT
  return (
    JSON.stringify(more > 0 ? text.slice(0, LIMIT) : text) + (more > 0 ? ` and ${more} more characters` : '')
  )
}
