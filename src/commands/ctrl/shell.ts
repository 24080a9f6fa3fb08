import { createInterface } from 'node:readline'
import type { Command } from 'commander'
import { UsageError } from '../../core/errors.ts'
import { aborted } from '../../core/pause.ts'
import type { Controlled, WithLab } from '../../launch/join-lab.ts'
import type { Context } from '../../terminal/context.ts'
import { splitWords } from '../../terminal/shell-words.ts'
import { candidates } from '../complete.ts'
import { runCommand } from '../run-command.ts'

/** Makes the commands; only the one of that name, where there is one. */
type Create = (context: Context, withLab: WithLab, name?: string) => Promise<Command>

const PROMPT = 'ocs> '
const HELP =
  'Commands as after "ocs ctrl": ls, status, start, stop, abort, wait, listen, history, …; NAME --help tells more. exit ends.\n'

/**
 * Reads commands and runs them on one lab until `exit`, the end of input or a signal; a failing command ends
 * nothing. Lines that begin with # are comments.
 * @param create makes the commands, or the one of that name; called for each line because commander keeps parsed values
 */
export async function shell(on: Controlled, create: Create, context: Context): Promise<void> {
  if (!context.input) throw new UsageError('ocs ctrl shell needs an input to read commands from')
  const lend: WithLab = (_flags, _context, work) => work(on)
  const isTyped = context.input.isTTY && context.terminal
  const offered = isTyped ? await create(context, lend) : undefined
  const lines = offered ? typed(context, (line) => completed(offered, line, on)) : piped(context)
  for await (const line of lines) {
    const { words, open } = splitWords(line)
    const [first, second] = words
    if (first === 'ocs' && second === 'ctrl') words.splice(0, 2)
    if (words.length === 0 || words[0]?.startsWith('#')) continue
    if (words[0] === 'exit' || words[0] === 'quit') return
    if (open) context.err('ocs: a quote is not closed\n')
    else if (words[0] === 'help' && words.length === 1) context.out(HELP)
    else if (words[0] === 'shell') context.err('ocs: this is the shell\n')
    else await runOne(create, lend, words, context)
    if (context.signal.aborted || context.unread?.aborted) return
  }
}

/** Runs one line; Ctrl-C ends only that line. */
async function runOne(
  create: Create,
  lend: WithLab,
  words: readonly string[],
  context: Context,
): Promise<void> {
  const interrupt = new AbortController()
  const signal = AbortSignal.any([context.signal, interrupt.signal])
  const own: Context = { ...context, input: context.input as NonNullable<Context['input']>, signal }
  using _ = context.onInterrupt?.(() => interrupt.abort())
  await runCommand(await create(own, lend, words[0]), words, own)
}

async function* piped({ input, signal }: Context): AsyncGenerator<string> {
  using reader = createInterface({ input: input as NonNullable<Context['input']>, crlfDelay: Infinity })
  const lines = reader[Symbol.asyncIterator]()
  const over = aborted(signal).then(() => ({ done: true, value: '' }))
  for (;;) {
    const { done, value } = await Promise.race([lines.next(), over])
    if (done) return
    yield value
  }
}

type Completer = (line: string) => [string[], string]

/** Lines from a terminal. It is given back between lines, so that Ctrl-C and questions reach the command. */
async function* typed(context: Context, complete: Completer): AsyncGenerator<string> {
  const history: string[] = []
  while (!context.signal.aborted) {
    const line = await readLine(context, history, complete)
    if (line === undefined) return
    if (line.trim() !== '' && history[0] !== line) history.unshift(line)
    yield line
  }
}

/** One line; empty after Ctrl-C, undefined at the end of input. */
function readLine(
  { input, err, signal }: Context,
  history: readonly string[],
  completer: Completer,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const reader = createInterface({
      input: input as NonNullable<Context['input']>,
      output: process.stderr,
      terminal: true,
      prompt: PROMPT,
      history: [...history],
      completer,
    })
    const end = (line: string | undefined) => {
      signal.removeEventListener('abort', close)
      resolve(line)
      reader.close()
    }
    const close = () => end(undefined)
    signal.addEventListener('abort', close)
    reader.on('line', end)
    reader.on('close', close)
    reader.on('SIGINT', () => {
      err('^C\n')
      end('')
    })
    reader.prompt()
  })
}

/** The completer of readline: candidates for the last word, and that word so far. */
function completed(root: Command, line: string, { lab }: Controlled): [string[], string] {
  const { words, ended } = splitWords(line)
  const given = ended ? [...words, ''] : words
  const last = given.at(-1) ?? ''
  const found = candidates(root, given, { instances: lab.instances })
  return [found.map(({ word }) => (found.length === 1 ? `${word} ` : word)), last]
}
