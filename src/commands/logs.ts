import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import { Command, InvalidArgumentError } from 'commander'
import { UsageError } from '../core/errors.ts'
import { didYouMean } from '../core/names.ts'
import { rotated } from '../host/rotating-log.ts'
import type { Context } from './context.ts'
import { upChoiceFlags } from './down.ts'
import { prefixed } from './up-output.ts'
import { findUp, isAlive, readUpState, type UpChoice, type UpState } from './up-state.ts'

interface LogFlags extends UpChoice {
  readonly follow?: boolean
  readonly lines: number
}
interface Source {
  readonly name: string
  readonly log: string
}

/** Milliseconds between two looks for new lines. */
const LOOK_MS = 200
const OWN = 'ocs-up'

/** `ocs logs`: what the roles of `ocs up` have logged. */
export function logsCommand(context: Context): Command {
  return upChoiceFlags(new Command('logs').description('Show the logs of what ocs up runs.'))
    .argument('[instance]', `one role only; ${OWN} for the log of ocs up itself`)
    .option('-f, --follow', 'go on with new lines, until ocs up stops')
    .option('-n, --lines <count>', 'how many of the last lines', count, 100)
    .action((instance: string | undefined, flags: LogFlags) => showLogs(instance, flags, context))
}

async function showLogs(instance: string | undefined, flags: LogFlags, context: Context): Promise<void> {
  const { path, state } = findUp(flags, context)
  const sources = sourcesOf(state)
  const shown = instance === undefined ? sources : sources.filter(({ name }) => name === instance)
  if (shown.length === 0) throw unknown(instance ?? '', sources)
  const prefix = prefixed({ ...context, err: (text) => context.out(text) })
  const print = (name: string, line: string) =>
    instance === undefined ? prefix(name, line) : context.out(`${line}\n`)
  const tails = new Map(shown.map((source) => [source.name, new Tail(source.log)]))
  const last = shown.flatMap((source) => stamped(source, lastLines(source.log, flags.lines)))
  last.sort((a, b) => a.time - b.time)
  for (const { name, line } of last.slice(-flags.lines)) print(name, line)
  while (flags.follow && !context.signal.aborted && !context.unread?.aborted) {
    const now = readUpState(path) ?? state
    const more = instance === undefined ? sourcesOf(now).filter(({ name }) => !tails.has(name)) : []
    for (const { name, log } of more) tails.set(name, new Tail(log, true))
    // Asked first, so that nothing said before the end is missed.
    const going = isAlive(now)
    for (const [name, tail] of tails) for (const line of tail.read()) print(name, line)
    if (!going) break
    await Bun.sleep(LOOK_MS)
  }
  for (const tail of tails.values()) tail.close()
}

function sourcesOf({ log, roles }: UpState): Source[] {
  return [{ name: OWN, log }, ...roles]
}

function unknown(name: string, sources: readonly Source[]): UsageError {
  const names = sources.map((source) => source.name)
  const [near] = didYouMean(name, names)
  return new UsageError(
    `ocs up has no role "${name}": ${near ? `did you mean "${near}"?` : `it has ${names.join(', ')}`}`,
  )
}

/** The last lines of a log, over its older files as far as needed. */
function lastLines(log: string, most: number): string[] {
  let lines: string[] = []
  for (const file of [log, ...rotated(log).reverse()]) {
    if (lines.length >= most || !existsSync(file)) break
    const text = readFileSync(file, 'utf8')
    lines = [...text.split('\n').slice(0, -1), ...lines]
  }
  return most === 0 ? [] : lines.slice(-most)
}

/** Lines with the times they begin with; one without has that of the line before. */
function stamped({ name }: Source, lines: readonly string[]): { name: string; line: string; time: number }[] {
  let time = 0
  return lines.map((line) => {
    const [text] = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}/.exec(line) ?? []
    if (text !== undefined) time = Date.parse(text.replace(/(\d\d)$/, ':$1'))
    return { name, line, time }
  })
}

/** Reads what is appended to a log, also over its change to a new file. */
class Tail {
  readonly #path: string
  #fd: number | undefined
  #at: number
  #rest = ''
  #decoder = new StringDecoder('utf8')

  /** @param fromStart reads what is there already, too */
  constructor(path: string, fromStart = false) {
    this.#path = path
    this.#fd = this.#open()
    this.#at = fromStart || this.#fd === undefined ? 0 : fstatSync(this.#fd).size
  }

  read(): string[] {
    const lines = this.#lines()
    if (this.#fd !== undefined && this.#isCurrent()) return lines
    this.close()
    this.#fd = this.#open()
    this.#at = 0
    return [...lines, ...this.#lines()]
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }

  #open(): number | undefined {
    return existsSync(this.#path) ? openSync(this.#path, 'r') : undefined
  }

  #isCurrent(): boolean {
    const now = statSync(this.#path, { throwIfNoEntry: false })
    return now === undefined || (this.#fd !== undefined && fstatSync(this.#fd).ino === now.ino)
  }

  #lines(): string[] {
    const buffer = Buffer.alloc(65_536)
    while (this.#fd !== undefined) {
      const bytes = readSync(this.#fd, buffer, 0, buffer.length, this.#at)
      if (bytes === 0) break
      this.#at += bytes
      this.#rest += this.#decoder.write(buffer.subarray(0, bytes))
    }
    const lines = this.#rest.split('\n')
    this.#rest = lines.pop() ?? ''
    return lines
  }
}

function count(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError('It has to be a number of lines.')
  return Number(text)
}
