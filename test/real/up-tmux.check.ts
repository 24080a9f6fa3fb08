/** `ocs up --tmux` in a real tmux, and the units of `ocs systemd` before systemd's own check. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync, writeFileSync } from 'node:fs'
import { Lab, OCS, until } from './roles.ts'

setDefaultTimeout(60_000)

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
  expect(second).toMatchObject({ code: 1, text: expect.stringContaining('runs already') })
  await said(lab, 'tmux', 'send-keys', '-t', `${SESSION}:up`, 'C-c')
  await until('the session is over', 10, async () => {
    return (await said(lab, 'tmux', 'has-session', '-t', SESSION)).code !== 0
  })
  expect((await said(lab, ...OCS, 'ps', ...state)).text).toContain('nothing runs')
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
