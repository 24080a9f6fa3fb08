/** The command log of `--trace`: every command to an instrument and every reply, with times. One for the process. */

let log: ((line: string) => void) | undefined

/** An exchange with an instrument that has ended. */
export interface Exchange {
  /** Where: the name of its link. */
  readonly name: string
  readonly command: string
  /** Null where none was due; the error where it failed. */
  readonly reply: string | Error | null
}
let tap: ((exchange: Exchange) => void) | undefined

/** Hears of every exchange of this process until disposed; one listener at a time. */
export function tapExchanges(listener: (exchange: Exchange) => void): Disposable {
  tap = listener
  return {
    [Symbol.dispose]() {
      tap = undefined
    },
  }
}

/** The longest reply shown whole, in characters. */
const LIMIT = 400

/** Sends the command log there; undefined ends it. */
export function traceTo(sink: ((line: string) => void) | undefined): void {
  log = sink
}

/** Notes an exchange that has just ended: where, the command, its reply or error (null: none was due), and ms it took. */
export function trace(name: string, command: string, reply: string | Error | null, ms: number): void {
  tap?.({ name, command, reply })
  if (!log) return
  const took = `(${ms.toFixed(1)} ms)`
  const at = `${new Date().toISOString()} ${name}`
  if (reply === null) log(`trace ${at} ${shown(command)} ${took}`)
  else if (reply instanceof Error) log(`trace ${at} ${shown(command)} failed: ${reply.message} ${took}`)
  else log(`trace ${at} ${shown(command)} -> ${shown(reply)} ${took}`)
}

/** Notes what came from an instrument without having been asked for. */
export function traceUnasked(name: string, what: string): void {
  log?.(`trace ${new Date().toISOString()} ${name} unsolicited: ${what}`)
}

function shown(text: string): string {
  const more = text.length - LIMIT
  return (
    JSON.stringify(more > 0 ? text.slice(0, LIMIT) : text) + (more > 0 ? ` and ${more} more characters` : '')
  )
}
