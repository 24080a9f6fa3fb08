import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commandLab, commandLine, type TestLab } from '../src/commands/ctrl/ctrl.test-aid.ts'

// A shell starts a process for each word that is completed, and waits for the hub as long as the test runner.
const PATIENCE_MS = 600_000
setDefaultTimeout(PATIENCE_MS)

const ROOT = join(import.meta.dir, '..')
const folder = mkdtempSync(join(tmpdir(), 'ocs-completion-'))
let lab: TestLab

beforeAll(async () => {
  lab = await commandLab({ alone: false })
  await lab.start('fake')
  await lab.start('fake2')
  const ocs = join(folder, 'ocs')
  writeFileSync(ocs, `#!/bin/sh\nexec "${process.execPath}" "${ROOT}/bin/ocs.ts" "$@"\n`)
  chmodSync(ocs, 0o755)
})
afterAll(async () => {
  await lab[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

/** Runs lines in an interactive bash that has the completion; its environment names the hub `site`. */
async function bash(lines: string, site: string): Promise<string> {
  writeFileSync(join(folder, 'default.yaml'), `hub:\n  mqtt_server: ${site}\nhosts: {}\n`)
  const shell = Bun.spawn(['bash', '--norc', '--noprofile', '-i'], {
    stdin: new Blob([`eval "$(ocs completion bash)"\n${lines}\nexit\n`]),
    stdout: 'pipe',
    stderr: 'ignore',
    cwd: folder,
    env: {
      ...process.env,
      PATH: `${folder}:${process.env['PATH'] ?? ''}`,
      PS1: '',
      OCS_COMPLETION_MS: String(PATIENCE_MS),
      OCS_CONFIG_DIR: folder,
    },
  })
  return await new Response(shell.stdout).text()
}

/** What bash's completion of `ocs WORDS…` gives for each list of words, as its own function leaves it in COMPREPLY. */
async function replies(lists: readonly (readonly string[])[], site: string): Promise<string[][]> {
  const lines = lists.map((words) => {
    const all = ['ocs', ...words].map((word) => `'${word}'`).join(' ')
    return `COMP_WORDS=(${all}); COMP_CWORD=${words.length}; _ocs ocs; echo "=\${COMPREPLY[*]}"`
  })
  const text = await bash(lines.join('\n'), site)
  return text
    .split('\n')
    .filter((line) => line.startsWith('='))
    .map((line) => line.slice(1).split(' ').filter(Boolean))
}

test('words and those of the lab that runs, as bash takes them', async () => {
  const of = [
    ['completion', ''],
    ['ctrl', 'start', 'fake', 'delay_task', '--succeed', '=', 'f'],
    ['ctrl', 'start', '--target', '=', 'fake2'],
    ['ctrl', 'start', 'nobody', ''],
  ]
  expect(await replies(of, lab.url)).toEqual([['bash', 'zsh', 'fish'], ['false'], ['fake2'], []])
})

test('without a hub: nothing, silently', async () => {
  const line = Bun.spawn(
    [join(folder, 'ocs'), 'complete', '--', 'ctrl', 'start', '--site-hub', 'mqtt://127.0.0.1:1', ''],
    {
      stdout: 'pipe',
      stderr: 'pipe',
    },
  )
  const [out, err] = await Promise.all([new Response(line.stdout).text(), new Response(line.stderr).text()])
  expect([out, err, await line.exited]).toEqual(['', '', 0])
})

test('the tab key in a real bash', async () => {
  writeFileSync(join(folder, 'default.yaml'), `hub:\n  mqtt_server: ${lab.url}\nhosts: {}\n`)
  let text = ''
  let check = () => {}
  const shell = Bun.spawn(['bash', '--norc', '--noprofile', '-i'], {
    cwd: folder,
    env: {
      ...process.env,
      PATH: `${folder}:${process.env['PATH'] ?? ''}`,
      PS1: 'ready> ',
      TERM: 'dumb',
      OCS_COMPLETION_MS: String(PATIENCE_MS),
      OCS_CONFIG_DIR: folder,
    },
    terminal: {
      cols: 120,
      rows: 24,
      data(_, data) {
        text += Buffer.from(data).toString()
        check()
      },
    },
  })
  const shows = (wanted: string) =>
    new Promise<void>((resolve) => {
      check = () => {
        if (text.includes(wanted)) resolve()
      }
      check()
    })
  const type = (keys: string) => shell.terminal?.write(keys)
  const answers = async (keys: string, wanted: string) => {
    text = ''
    type(keys)
    await shows(wanted)
  }
  await shows('ready> ')
  await answers('eval "$(ocs completion bash)"; echo do""ne\r', 'done\r\nready> ')
  // Ctrl-U empties the line. Ctrl-C would be a signal, which comes before or after the keys behind it.
  const emptied = () => answers('\x15echo em""ptied\r', 'emptied\r\nready> ')
  await answers('ocs ctrl abort fake2 del\t', 'delay_task ')
  await emptied()
  await answers('ocs ctrl start fake2 delay_task --succeed=t\t', '--succeed=true ')
  await emptied()
  type('exit\r')
  await shell.exited
})

test('the scripts of the other shells ask the same', async () => {
  for (const shell of ['zsh', 'fish']) {
    const line = commandLine(['completion', shell])
    expect(await line.code).toBe(0)
    expect(line.out()).toContain(' complete -- ')
  }
  const unknown = commandLine(['completion', 'tcsh'])
  expect(await unknown.code).toBe(2)
  expect(unknown.err()).toContain('Allowed choices are bash, zsh, fish.')
})
