import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { OpError, UsageError } from '../core/errors.ts'
import { isBinary, ownModule } from '../machine/own-files.ts'
import type { Context } from '../terminal/context.ts'
import { mustBeReadable } from './own-module.ts'

/** The module that must be loaded before a test, so that it finds `ocs`. */
const FIRST = ownModule('src/launch/provide-ocs.ts')

/**
 * Runs a user's own tests with the Bun that runs this program.
 * @param file a test, or the module beside it
 * @throws UsageError for a file that cannot be read, OpError when a test fails
 */
export async function runOwnTest(file: string, words: readonly string[], context: Context): Promise<void> {
  if (isBinary) throw new UsageError('the single-file ocs cannot run tests: use the npm package')
  const { signal } = context
  const path = resolve(file)
  mustBeReadable(path)
  const beside = path.replace(/(?<!\.test)\.([cm]?[jt]sx?)$/, '.test.$1')
  const test = existsSync(beside) ? beside : path
  const child = Bun.spawn([process.execPath, 'test', '--preload', FIRST, test, ...words], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    signal,
  })
  await Promise.all([passOn(child.stdout, context.out), passOn(child.stderr, context.err)])
  const code = await child.exited
  if (code !== 0) throw new OpError(signal.aborted ? 'interrupted' : `${file}: a test fails`)
}

async function passOn(from: ReadableStream<Uint8Array>, to: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  for await (const chunk of from) to(decoder.decode(chunk, { stream: true }))
}
