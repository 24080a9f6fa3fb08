/** `ocs up --tmux` in a real tmux, and the units of `ocs systemd` before systemd's own check. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { RoleState } from '../../src/host/roles.ts'
import { figure, Lab, OCS, since, until } from './roles.ts'

setDefaultTimeout(400_000)

const SITE = `hub: {mqtt_server: "mqtt://127.0.0.1:1883", wamp_server: "ws://127.0.0.1:8001/ws"}
hosts:
  localhost:
    agent-instances:
      - {instance-id: fake, agent-class: FakeDataAgent}
`
const SESSION = 'ocs-observatory-localhost'

async function said(lab: Lab, ...command: string[]) {
  const running = lab.program('command', command, { env: { TMUX_TMPDIR: lab.path() } })
  const { code } = await running.ended(20)
  return { code, text: running.text() }
}

test('a window for each role; Ctrl-C in the first stops all', async () => {
  await using lab = new Lab()
  const site = lab.path('lab.yaml')
  writeFileSync(site, SITE)
  const state = ['--site-file', site, '--state-dir', lab.path('state')]
  // A check that fails half-way leaves no session behind.
  await using _ = { [Symbol.asyncDispose]: async () => void (await said(lab, 'tmux', 'kill-server')) }
  const up = await said(lab, ...OCS, 'up', '--tmux', ...state)
  expect(up).toMatchObject({ code: 0, text: expect.stringContaining(`tmux attach -t ${SESSION}`) })
  const windows = await said(lab, 'tmux', 'list-windows', '-t', SESSION, '-F', '#{window_name}')
  expect(windows.text.split('\n')).toEqual(['up', 'hub', 'fake'])
  await until('the role is heard in its window', 10, async () =>
    (await said(lab, 'tmux', 'capture-pane', '-p', '-t', `${SESSION}:fake`)).text.includes('session joined'),
  )
  const second = await said(lab, ...OCS, 'up', '--tmux', ...state)
  expect(second).toMatchObject({ code: 1, text: expect.stringContaining('is already running') })
  await said(lab, 'tmux', 'send-keys', '-t', `${SESSION}:up`, 'C-c')
  await until('the session is over', 10, async () => {
    return (await said(lab, 'tmux', 'has-session', '-t', SESSION)).code !== 0
  })
  expect((await said(lab, ...OCS, 'ps', ...state)).text).toContain('nothing runs')
})

/** The running processes, by role. */
async function roles(lab: Lab, state: readonly string[]): Promise<Record<string, RoleState>> {
  const { text } = await said(lab, ...OCS, 'ps', '--json', ...state)
  const { roles: all } = JSON.parse(text.slice(0, text.lastIndexOf('}') + 1)) as { roles: RoleState[] }
  return Object.fromEntries(all.map((role) => [role.name, role]))
}

/** Processes whose command line contains all of these words, without those that show logs. */
function processes(...words: string[]): number[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      const line = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') : []
      const isOurs = words.every((word) => line.includes(word)) && !line.includes('logs')
      return isOurs ? [Number(pid)] : []
    } catch {
      return []
    }
  })
}

test('detached from and attached to again, killed, changed and stopped, it keeps what the file says alive', async () => {
  await using lab = new Lab()
  const site = lab.path('lab.yaml')
  writeFileSync(site, `${SITE}      - {instance-id: other, agent-class: FakeDataAgent}\n`)
  const state = ['--site-file', site, '--state-dir', lab.path('state')]
  // The attached terminal is a pane of another tmux.
  const outer = (...args: string[]) => said(lab, 'tmux', '-L', 'outer', ...args)
  await using _ = {
    [Symbol.asyncDispose]: async () => {
      await outer('kill-server')
      await said(lab, 'tmux', 'kill-server')
    },
  }
  expect((await said(lab, ...OCS, 'up', '--tmux', ...state)).code).toBe(0)
  const attach = ['env', '-u', 'TMUX', 'tmux', 'attach', '-t', SESSION]
  for (const time of ['first', 'second']) {
    await outer(
      'new-session',
      '-d',
      '-s',
      time,
      '-x',
      '80',
      '-y',
      '24',
      '--',
      'sh',
      '-c',
      `${attach.join(' ')}; cat`,
    )
    const screen = async () => (await outer('capture-pane', '-p', '-t', time)).text
    // The windows by name, in the status line.
    await until('the session is attached', 15, async () => /0:up.*1:hub/.test(await screen()))
    await outer('send-keys', '-t', time, 'C-b', 'd')
    await until('it is detached', 10, async () => (await screen()).includes('[detached'))
  }

  const before = await roles(lab, state)
  expect(Object.keys(before)).toEqual(['hub', 'fake', 'other'])
  for (const [name, { pid }] of Object.entries(before)) {
    process.kill(pid ?? 0, 'SIGKILL')
    const again = await until(`${name} runs again`, 15, async () => {
      const now = (await roles(lab, state))[name]
      return now?.state === 'running' && now.pid !== pid && now
    })
    expect(again).toMatchObject({ restarts: 1, last_exit: 'SIGKILL' })
    expect(processes(...(name === 'hub' ? ['hub'] : ['agent', name]), site)).toEqual([again.pid ?? 0])
  }
  process.kill((await roles(lab, state))['fake']?.pid ?? 0, 'SIGKILL')
  await until('the second wait is longer', 15, async () =>
    (await said(lab, ...OCS, 'logs', 'ocs-up', ...state)).text.includes(
      'fake ended (SIGKILL); restarting in 2 s',
    ),
  )
  await until('all run', 15, async () =>
    Object.values(await roles(lab, state)).every((role) => role.state === 'running'),
  )

  const running = await roles(lab, state)
  writeFileSync(site, `${SITE}      - {instance-id: new, agent-class: FakeDataAgent}\n`)
  const changed = await until('the new file holds', 15, async () => {
    const now = await roles(lab, state)
    return now['new']?.state === 'running' && now['other'] === undefined && now
  })
  for (const name of ['hub', 'fake']) expect(changed[name]).toEqual(running[name] as RoleState)

  // A stopped process does not react to TERM.
  process.kill(changed['fake']?.pid ?? 0, 'SIGSTOP')
  const start = performance.now()
  expect((await said(lab, ...OCS, 'down', ...state)).text).toBe('stopped 3 roles of localhost')
  figure(`ocs down, with one that refuses: ${since(start).toFixed(1)} s`)
  expect((await roles(lab, state))['fake']).toMatchObject({ state: 'stopped', last_exit: 'SIGKILL' })
  expect(processes(site).filter((pid) => pid !== process.pid)).toEqual([])
})

test('systemd finds nothing wrong with the units', async () => {
  await using lab = new Lab()
  const site = lab.path('lab.yaml')
  writeFileSync(site, SITE)
  const out = lab.path('units')
  expect((await said(lab, ...OCS, 'systemd', '--site-file', site, '--out', out)).code).toBe(0)
  const units = readdirSync(out).map((name) => `${out}/${name}`)

  const verified = await said(lab, 'systemd-analyze', 'verify', ...units)
  expect(verified.text.split('\n').filter((line) => line.includes('ocs-'))).toEqual([])
  expect(verified.code).toBe(0)
})
