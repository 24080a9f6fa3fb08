import { existsSync, readFileSync } from 'node:fs'
import { UsageError } from '../core/errors.ts'
import { notFound } from '../core/names.ts'
import type { Context } from '../terminal/context.ts'
import { LogTail } from './log-tail.ts'
import { rotated } from './rotating-log.ts'
import { prefixed } from './up-output.ts'
import { findUp, isAlive, readUpState, type UpChoice, type UpState } from './up-state.ts'

export interface LogFlags extends UpChoice {
  readonly follow?: boolean
  readonly limit: number
}
interface Source {
  readonly name: string
  readonly log: string
}

/** Milliseconds between checks for new lines. */
const LOOK_MS = 200
/** The log name of `ocs up` itself. */
export const OWN = 'ocs-up'

/**
 * Prints the last log lines of the roles, in order of time; with `follow` also new ones.
 * @throws UsageError for an unknown role
 */
export async function showLogs(
  instance: string | undefined,
  flags: LogFlags,
  context: Context,
): Promise<void> {
  const { path, state } = findUp(flags, context)
  const sources = sourcesOf(state)
  const shown = instance === undefined ? sources : sources.filter(({ name }) => name === instance)
  if (shown.length === 0) throw unknown(instance ?? '', sources)
  const prefix = prefixed({ ...context, err: (text) => context.out(text) })
  const print = (name: string, line: string) =>
    instance === undefined ? prefix(name, line) : context.out(`${line}\n`)
  const tails = new Map(shown.map((source) => [source.name, new LogTail(source.log)]))
  const last = shown.flatMap((source) => stamped(source, lastLines(source.log, flags.limit)))
  last.sort((a, b) => a.time - b.time)
  for (const { name, line } of last.slice(-flags.limit)) print(name, line)
  while (flags.follow && !context.signal.aborted && !context.unread?.aborted) {
    const now = readUpState(path) ?? state
    const more = instance === undefined ? sourcesOf(now).filter(({ name }) => !tails.has(name)) : []
    for (const { name, log } of more) tails.set(name, new LogTail(log, true))
    // Checked first, so that no line before the end is missed.
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
  return new UsageError(notFound('ocs up has no role', name, names, 'it has'))
}

/** The last lines of a log, continued into its older files as needed; none if there is no log. */
export function lastLines(log: string, most: number): string[] {
  let lines: string[] = []
  for (const file of [log, ...rotated(log).reverse()]) {
    if (lines.length >= most || !existsSync(file)) break
    const text = readFileSync(file, 'utf8')
    lines = [...text.split('\n').slice(0, -1), ...lines]
  }
  return most === 0 ? [] : lines.slice(-most)
}

/** Lines with the times at their start; a line without a time gets that of the line before. */
function stamped({ name }: Source, lines: readonly string[]): { name: string; line: string; time: number }[] {
  let time = 0
  return lines.map((line) => {
    const [text] = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}/.exec(line) ?? []
    if (text !== undefined) time = Date.parse(text.replace(/(\d\d)$/, ':$1'))
    return { name, line, time }
  })
}
