import { expect, test } from 'bun:test'
import { commandLab } from './ctrl.test-aid.ts'

test('commands from a pipe; errors end nothing, the end of input does', async () => {
  await using lab = await commandLab()
  await lab.start('fake')
  const line = lab.begin(['ctrl', 'shell', '-v'])
  line.input.end(`# a comment
ls

ocs ctrl start fake delay_task --delay 0 --wait
start fake delay_tsk
bogus
status "fake
shell
status nobody
help
ls --json
`)
  expect(await line.code).toBe(0)
  const out = line.out().split('\n')
  expect(out[0]).toBe('INSTANCE  STATE   CLASS          OPERATIONS')
  expect(out[2]).toBe('Started task "delay_task".')
  expect(out[3]).toMatch(/^fake delay_task succeeded after .* s: Exited after .* seconds$/)
  expect(out[4]).toStartWith('Commands as after "ocs ctrl"')
  expect(JSON.parse(out[5] ?? '')).toMatchObject([{ instance: 'fake' }])
  const err = line.err()
  expect(err).toContain('ocs: fake has no operation "delay_tsk": did you mean "delay_task"?\n')
  expect(err).toContain("error: unknown command 'bogus'\n")
  expect(err).toContain('ocs: a quote is not closed\n')
  expect(err).toContain('ocs: this is the shell\n')
  expect(err).toContain('ocs: no agent "nobody" is known (there are fake)\n')
  expect(err.match(/transport connected/g)).toHaveLength(1)
})

test('exit ends it; Ctrl-C ends the command that runs, and not the shell', async () => {
  await using lab = await commandLab()
  await lab.start('fake')
  const line = lab.begin(['ctrl', 'shell', '-v'])
  line.input.write('listen fake/presence\n')
  await line.says('online FakeDataAgent')
  line.interrupt()
  line.input.write('ls\n')
  await line.says('OPERATIONS')
  line.input.write('exit\nls\n')
  expect(await line.code).toBe(0)
  expect(line.out().match(/OPERATIONS/g)).toHaveLength(1)
})

test('a signal ends it while it waits for a line', async () => {
  await using lab = await commandLab()
  await lab.start('fake')
  const line = lab.begin(['ctrl', 'shell', '-v'])
  await line.says('session joined')
  line.input.write('ls\n')
  await line.says('OPERATIONS')
  line.terminate()
  expect(await line.code).toBe(0)
})

/** A real terminal on which a real process runs; collects what it shows. */
function terminal(argv: readonly string[]) {
  let text = ''
  const waiting = new Set<() => void>()
  const decoder = new TextDecoder()
  const process = Bun.spawn([globalThis.process.execPath, 'bin/ocs.ts', ...argv], {
    env: { ...globalThis.process.env, TERM: 'xterm', OCS_CONFIG_DIR: '' },
    terminal: {
      cols: 100,
      rows: 24,
      data(_, data) {
        text += decoder.decode(data, { stream: true })
        for (const check of [...waiting]) check()
      },
    },
  })
  const shows = (wanted: string) =>
    new Promise<void>((resolve) => {
      const check = () => {
        const at = text.indexOf(wanted)
        if (at < 0) return
        // What has been waited for is not found again.
        text = text.slice(at + wanted.length)
        waiting.delete(check)
        resolve()
      }
      waiting.add(check)
      check()
    })
  return {
    type: (keys: string) => process.terminal?.write(keys),
    shows,
    exited: process.exited,
    text: () => text,
  }
}

test('on a terminal: prompt, tab completion, history, Ctrl-C asks', async () => {
  await using lab = await commandLab({ alone: false })
  await lab.start('fake')
  const shell = terminal(['ctrl', 'shell', '--site-hub', lab.url])
  await shell.shows('ocs> ')
  shell.type('star\t')
  await shell.shows('start ')
  shell.type('fa\t')
  await shell.shows('fake ')
  shell.type('del\t')
  await shell.shows('delay_task ')
  shell.type('--del\t')
  await shell.shows('--delay ')
  shell.type('86400 --wait\r')
  await shell.shows('running')
  shell.type('\x03')
  await shell.shows('Abort fake delay_task? [y/N] ')
  shell.type('y\r')
  await shell.shows('ocs: fake delay_task failed after')
  await shell.shows('ocs> ')
  shell.type('\x1b[A')
  await shell.shows('start fake delay_task --delay 86400 --wait')
  shell.type('\x03')
  await shell.shows('ocs> ')
  shell.type('ls\r')
  await shell.shows('FakeDataAgent')
  await shell.shows('ocs> ')
  shell.type('\x04')
  expect(await shell.exited).toBe(0)
})
