import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ruleOf } from '../src/agents/alarm/alarm.test-aid.ts'
import alarm from '../src/agents/alarm/alarm.ts'
import { commandLab, commandLine, type TestLab } from '../src/commands/ctrl/ctrl.test-aid.ts'
import thermometry from '../src/datanode/thermometry.ts'
import type { UpState } from '../src/host/up-state.ts'
import { Spool } from '../src/runtime/spool/spool.ts'

// A shell starts a process for each completed word, and waits for the hub as long as the test runner.
const PATIENCE_MS = 600_000
setDefaultTimeout(PATIENCE_MS)

const ROOT = join(import.meta.dir, '..')
const folder = mkdtempSync(join(tmpdir(), 'ocs-completion-'))
const site = join(folder, 'default.yaml')
let lab: TestLab

beforeAll(async () => {
  lab = await commandLab({ alone: false })
  const spool = new Spool(join(lab.folder, 'fake.sqlite'), { recorded: false })
  await lab.start('fake', { mode: 'acq' }, undefined, undefined, spool)
  await lab.start('fake2')
  await lab.start('node', { target: 'fake', name: 'FAKE', feed: 'false_temperatures' }, thermometry)
  const rules = [ruleOf('agent', { name: 'hot', agent: 'fake', delay: 0 })]
  const settings = { alarms: { mail: undefined, actions: [], rules }, instances: new Map() }
  await lab.start('alarms', {}, alarm, settings)
  const ocs = join(folder, 'ocs')
  writeFileSync(ocs, `#!/bin/sh\nexec "${process.execPath}" "${ROOT}/bin/ocs.ts" "$@"\n`)
  chmodSync(ocs, 0o755)
  writeFileSync(site, `hub:\n  mqtt_server: ${lab.url}\nhosts: {}\n`)
  const role = {
    state: 'running',
    pid: 1,
    since: 0,
    restarts: 0,
    last_exit: null,
    command: '',
    log: '',
  } as const
  const up: UpState = {
    ...{ pid: 1, began: '0', site_file: site, host: 'here', started: 0, ended: 0, log: '', left_out: [] },
    roles: [{ name: 'ls240', ...role }],
  }
  // A data node has a field once it has a reading of it.
  for (let drawn = ''; !drawn.includes('channel_01'); ) {
    const asked = commandLine(['complete', '--', 'plot', '--site-hub', lab.url, 'fake', ''], {
      env: { OCS_COMPLETION_MS: String(PATIENCE_MS) },
    })
    await asked.code
    drawn = asked.out()
  }
  mkdirSync(join(folder, 'state', 'up'), { recursive: true })
  writeFileSync(join(folder, 'state', 'up', 'here.json'), JSON.stringify(up))
})
afterAll(async () => {
  await lab[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const surroundings = () => ({
  ...process.env,
  PATH: `${folder}:${process.env['PATH'] ?? ''}`,
  HOME: folder,
  OCS_COMPLETION_MS: String(PATIENCE_MS),
  OCS_CONFIG_DIR: folder,
  OCS_STATE_DIR: join(folder, 'state'),
})

/** Runs lines in an interactive bash with the completion loaded. */
async function bash(lines: string): Promise<string> {
  const shell = Bun.spawn(['bash', '--norc', '--noprofile', '-i'], {
    stdin: new Blob([`eval "$(ocs completion bash)"\n${lines}\nexit\n`]),
    stdout: 'pipe',
    stderr: 'ignore',
    cwd: folder,
    env: { ...surroundings(), PS1: '' },
  })
  return await new Response(shell.stdout).text()
}

/**
 * The results of bash's completion of `ocs WORDS…` for each list of words, as its own function leaves them in
 * COMPREPLY.
 */
async function replies(lists: readonly (readonly string[])[]): Promise<string[][]> {
  const lines = lists.map((words) => {
    const all = ['ocs', ...words].map((word) => `'${word}'`).join(' ')
    return `COMP_WORDS=(${all}); COMP_CWORD=${words.length}; _ocs ocs; echo "=\${COMPREPLY[*]}"`
  })
  const text = await bash(lines.join('\n'))
  return text
    .split('\n')
    .filter((line) => line.startsWith('='))
    .map((line) => line.slice(1).split(' ').filter(Boolean))
}

const G3 = join(ROOT, 'fixtures', 'g3')

test('words, those of the lab that runs, and those of files, as bash takes them', async () => {
  const of = [
    ['completion', ''],
    ['ctrl', 'start', 'fake', 'delay_task', '--succeed', '=', 'f'],
    ['ctrl', 'start', '--target', '=', 'fake2'],
    ['ctrl', 'start', 'nobody', ''],
    ['logs', 'l'],
    ['plot', ''],
    ['plot', 'fake', 'channel_01'],
    ['ctrl', 'alarms', 'ack', 'h'],
    ['export', '--data-dir', G3, 'LSA240.temperatures.'],
  ]
  const [shells, ...rest] = await replies(of)
  expect(shells).toEqual(['bash', 'zsh', 'fish'])
  expect(rest.slice(0, -1)).toEqual([
    ['false'],
    ['fake2'],
    [],
    ['ls240'],
    ['fake', 'FAKE'],
    ['channel_01'],
    ['hot'],
  ])
  expect(rest.at(-1)?.length).toBeGreaterThan(0)
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

/** A shell on a terminal: types keys, and waits for new output. */
function terminal(command: readonly string[], env: Record<string, string>) {
  let text = ''
  let check = () => {}
  const shell = Bun.spawn([...command], {
    cwd: folder,
    env: { ...surroundings(), TERM: 'dumb', ...env },
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
  return {
    shows,
    async answers(keys: string, wanted: string) {
      text = ''
      shell.terminal?.write(keys)
      await shows(wanted)
    },
    async exit() {
      shell.terminal?.write('exit\r')
      await shell.exited
    },
  }
}

test('the tab key in a real bash', async () => {
  const shell = terminal(['bash', '--norc', '--noprofile', '-i'], { PS1: 'ready> ' })
  await shell.shows('ready> ')
  await shell.answers('eval "$(ocs completion bash)"; echo do""ne\r', 'done\r\nready> ')
  // Ctrl-U empties the line. Ctrl-C would be a signal, which may arrive before or after the following keys.
  const emptied = () => shell.answers('\x15echo em""ptied\r', 'emptied\r\nready> ')
  await shell.answers('ocs ctrl abort fake2 del\t', 'delay_task ')
  await emptied()
  await shell.answers('ocs ctrl start fake2 delay_task --succeed=t\t', '--succeed=true ')
  await emptied()
  await shell.exit()
})

test('the tab key in a real zsh', async () => {
  const shell = terminal(['zsh', '-f', '-i'], { PS1: 'ready> ', PROMPT: 'ready> ' })
  await shell.shows('ready> ')
  await shell.answers(
    'autoload -U compinit; compinit -u -D; eval "$(ocs completion zsh)"; echo do""ne\r',
    'done\r\n',
  )
  const emptied = () => shell.answers('\x15echo em""ptied\r', 'emptied\r\n')
  for (const [typed, whole] of [
    ['ocs ctrl abort fake2 del', 'delay_task'],
    ['ocs logs ls', 'ls240'],
    ['ocs plot FAKE channel_01', 'channel_01 '],
    ['ocs ctrl alarms silence ho', 'hot'],
  ] as const) {
    await shell.answers(`${typed}\t`, whole)
    await emptied()
  }
  await shell.exit()
})

test('fish has the same words, and what they are', async () => {
  const asked = ['ocs ctrl abort fake2 ', 'ocs plot FAKE ', 'ocs ctrl alarms ack ', 'ocs logs ']
  const script = 'ocs completion fish | source; for line in $argv; complete -C $line; end'
  const shell = Bun.spawn(['fish', '--no-config', '-c', script, ...asked], {
    ...{ cwd: folder, env: surroundings(), stdout: 'pipe', stderr: 'inherit' },
  })
  const lines = (await new Response(shell.stdout).text()).split('\n')
  expect(lines).toContain('delay_task\tWait, then succeed or fail as requested.')
  expect(lines).toContain('channel_00\tK')
  expect(lines).toContain('hot\tclear')
  expect(lines).toContain('ocs-up\tocs up itself')
})

test('a shell that there is no completion for is refused', async () => {
  const unknown = commandLine(['completion', 'tcsh'])
  expect(await unknown.code).toBe(2)
  expect(unknown.err()).toContain('Allowed choices are bash, zsh, fish.')
})
