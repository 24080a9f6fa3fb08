import { expect, test } from 'bun:test'
import { spawn } from 'node:child_process'
import { closeSync, readdirSync } from 'node:fs'
import { SteppedPipe } from './stepped-pipe.ts'

/** A program that writes to a pipe, and that pipe. */
function run(script: string, input: 'pipe' | 'ignore' = 'ignore') {
  const pipe = new SteppedPipe()
  const child = spawn('sh', ['-c', script], { stdio: [input, pipe.writer, 'inherit'] })
  closeSync(pipe.writer)
  return { pipe, child }
}

/** All output of the pipe. */
async function all(pipe: SteppedPipe): Promise<string> {
  let text = ''
  for await (const part of pipe) text += part
  return text
}

test('what a program writes is read whole to its end, of many at once', async () => {
  const runs = Array.from({ length: 5 }, (_, i) => run(`seq ${i} 200000; echo end`))
  const texts = await Promise.all(runs.map(({ pipe }) => all(pipe)))
  for (const [i, text] of texts.entries()) {
    const lines = text.split('\n')
    expect(lines.slice(0, 2)).toEqual([`${i}`, `${i + 1}`])
    expect(lines.slice(-3)).toEqual(['200000', 'end', ''])
    expect(lines).toHaveLength(200_003 - i)
  }
})

test('nothing is read of one that is paused, and all of it later', async () => {
  const { pipe, child } = run('echo first; read line; seq 100000; echo last', 'pipe')
  let text = ''
  const first = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<void>()
  pipe.on('data', (part: Uint8Array) => {
    text += new TextDecoder().decode(part)
    first.resolve()
  })
  pipe.on('end', () => ended.resolve())
  await first.promise
  pipe.pause()
  child.stdin?.write('go\n')
  // Reading another pipe meanwhile shows that this many steps have passed.
  await all(run('seq 200000').pipe)
  expect(text).toBe('first\n')
  pipe.resume()
  await ended.promise
  expect(text).toEndWith('100000\nlast\n')
})

test('a pipe is closed when it has been read, or is wanted no more', async () => {
  const files = () => readdirSync('/proc/self/fd').length
  await all(run('true').pipe)
  const before = files()
  for (let i = 0; i < 20; i++) {
    const { pipe } = run(i % 2 ? 'echo a' : 'yes')
    const closed = new Promise((resolve) => pipe.once('close', resolve))
    if (i % 2) await all(pipe)
    else pipe.destroy()
    await closed
  }
  // Other tests of this process may close files of theirs meanwhile; 20 pipes left open are more than those.
  expect(files()).toBeLessThanOrEqual(before)
})
