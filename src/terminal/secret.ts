import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { ReadStream } from 'node:tty'
import { ConfigError, messageOf, OpError, UsageError } from '../core/errors.ts'
import type { Context } from './context.ts'

/**
 * Reads a new password: typed twice without echo, or the first line of a pipe.
 * @throws UsageError when there is no input or the two differ; OpError after Ctrl-C
 */
export async function readSecret(context: Context, what: string): Promise<string> {
  const first = await readPassword(context, what)
  if (context.input?.isTTY && first !== (await typed(context.input as ReadStream, context, 'again: '))) {
    throw new UsageError('the two differ')
  }
  return first
}

/**
 * The first line of a file.
 * @throws ConfigError when it cannot be read
 */
export function secretIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').split('\n')[0] ?? ''
  } catch (cause) {
    throw new ConfigError(`${file} cannot be read: ${messageOf(cause)}`, { cause })
  }
}

/**
 * Reads an existing password, typed once.
 * @throws UsageError, OpError
 */
export async function readPassword(context: Context, what: string): Promise<string> {
  const { input } = context
  if (!input) throw new UsageError('no terminal to type a password: give it on standard input')
  return await (input.isTTY ? typed(input as ReadStream, context, `${what}: `) : firstLine(input))
}

async function firstLine(input: NonNullable<Context['input']>): Promise<string> {
  using lines = createInterface({ input, crlfDelay: Infinity })
  for await (const line of lines) return line
  throw new UsageError('standard input must be a line with the password')
}

/** Reads a line from a terminal without echo. */
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
