import { createInterface } from 'node:readline'
import type { ReadStream } from 'node:tty'
import { OpError, UsageError } from '../core/errors.ts'
import type { Context } from './context.ts'

/**
 * A password, typed without echo, twice; from a pipe it is the first line.
 * @throws UsageError when there is nothing to read from or the two differ; OpError after Ctrl-C
 */
export async function readSecret(context: Context, what: string): Promise<string> {
  const { input } = context
  if (!input) throw new UsageError('there is no terminal to type a password at: give it on standard input')
  if (!input.isTTY) return firstLine(input)
  const first = await typed(input as ReadStream, context, `${what}: `)
  if (first !== (await typed(input as ReadStream, context, 'again: '))) {
    throw new UsageError('the two are not the same')
  }
  return first
}

async function firstLine(input: NonNullable<Context['input']>): Promise<string> {
  using lines = createInterface({ input, crlfDelay: Infinity })
  for await (const line of lines) return line
  throw new UsageError('standard input has no password: a line with it is wanted')
}

/** Reads a line from a terminal that shows nothing of it. */
function typed(input: ReadStream, { err, signal }: Context, prompt: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let text = ''
  const take = (chunk: Buffer | string) => {
    for (const key of String(chunk)) {
      if (key === '\r' || key === '\n') return resolve(text)
      if (key === '\x03' || key === '\x04') return reject(new OpError('interrupted'))
      if (key === '\x7f' || key === '\b') text = text.slice(0, -1)
      else if (key >= ' ') text += key
    }
  }
  const stop = () => reject(new OpError('interrupted'))
  err(prompt)
  input.setRawMode(true)
  input.on('data', take).resume()
  signal.addEventListener('abort', stop, { once: true })
  return promise.finally(() => {
    signal.removeEventListener('abort', stop)
    input.off('data', take).pause()
    input.setRawMode(false)
    err('\n')
  })
}
