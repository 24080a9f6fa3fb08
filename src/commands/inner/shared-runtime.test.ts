/** Programs of a host in one process, as `ocs up` runs them: what happens to one, and to that process. */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../../bridge/lab.test-aid.ts'
import { PROGRAM } from '../../host/children.ts'
import type { RoleState } from '../../host/roles.ts'
import { freePort, spoken } from '../../host/spoken.test-aid.ts'

// It starts some ten processes; what is to come is waited for as long as the test runner waits.
setDefaultTimeout(600_000)

const folder = mkdtempSync(join(tmpdir(), 'ocs-shared-'))
const file = join(folder, 'lab.yaml')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(OCS_|XDG_|NO_COLOR)/.test(name))),
  OCS_STATE_DIR: join(folder, 'state'),
}
const COUNTER = join(import.meta.dir, '..', '..', '..', 'examples', 'program', 'counter.py')
const counter = (id: string, more = '') => `instance-id: ${id}, command: [python3, ${COUNTER}]${more}`

async function ocs(...args: string[]): Promise<string> {
  const child = Bun.spawn([...PROGRAM, ...args, '--site-file', file], {
    env,
    stdout: 'pipe',
    stderr: 'ignore',
  })
  const out = await child.stdout.text()
  await child.exited
  return out
}

async function roles(): Promise<Record<string, RoleState>> {
  const { roles: all } = JSON.parse(await ocs('ps', '--json')) as { roles: RoleState[] }
  return Object.fromEntries(all.map((role) => [role.name, role]))
}

test('programs share a process: one is stopped, fails or is killed alone, and all come back when that dies', async () => {
  const port = await freePort()
  const write = (...instances: string[]) => {
    const hub = `hub: {mqtt_server: "mqtt://127.0.0.1:${port}", wamp_server: "ws://127.0.0.1:0/ws"}`
    const list = instances.map((instance) => `      - {${instance}}\n`).join('')
    writeFileSync(`${file}.new`, `${hub}\nhosts:\n  localhost:\n    agent-instances:\n${list}`)
    renameSync(`${file}.new`, file)
  }
  const own = counter('own', ', process: own')
  const failing = 'instance-id: failing, command: [sh, -c, echo no helium >&2; exit 3]'
  write(counter('one'), counter('two'), own, failing)
  const up = Bun.spawn([...PROGRAM, 'up', '--site-file', file], { env, stdout: 'ignore', stderr: 'pipe' })
  const says = spoken(up.stderr)
  try {
    for (const name of ['one', 'two', 'own']) await says(`session joined: ${name}`)
    // Its end is its own, with the code that it has alone, and its log.
    await says('failing ended (exit code 3); restarting in 2 s')
    const before = await roles()
    expect(before['one']?.pid).toBe(before['two']?.pid as number)
    expect(before['own']?.pid).not.toBe(before['one']?.pid)
    expect(await ocs('logs', 'failing')).toContain('no helium')
    expect(await ocs('logs', 'one')).not.toMatch(/two|helium/)

    // A counter is killed: its agent starts it again, and nothing else has ended.
    const [, pid = ''] = /program running: pid (\d+)/.exec(await ocs('logs', 'one', '-n', '500')) ?? []
    process.kill(Number(pid), 'SIGKILL')
    await until(
      () => ocs('logs', 'one', '-n', '500'),
      (log) => (log.match(/program running: pid/g)?.length ?? 0) === 2,
    )

    write(counter('one', ', manage: host/down'), counter('two'), own)
    await says('one stopped')
    await says('failing stopped')
    const without = await roles()
    expect(without['one']).toMatchObject({ state: 'down', pid: null })
    expect(without['two']).toEqual(before['two'] as RoleState)

    write(counter('one'), counter('two'), own)
    await says('session joined: one', 2)
    expect((await roles())['one']?.pid).toBe(before['two']?.pid as number)

    process.kill(before['two']?.pid ?? 0, 'SIGKILL')
    await says('one ended (SIGKILL); restarting in 1 s')
    await says('two ended (SIGKILL); restarting in 1 s')
    await says('session joined: one', 3)
    await says('session joined: two', 2)
    const after = await roles()
    expect(after['one']?.pid).toBe(after['two']?.pid as number)
    expect(after['two']).toMatchObject({ state: 'running', restarts: 1, last_exit: 'SIGKILL' })
    expect(after['own']).toEqual(before['own'] as RoleState)

    // What does not stop when asked is killed, with the process it is in.
    process.kill(after['two']?.pid ?? 0, 'SIGSTOP')
  } finally {
    up.kill('SIGTERM')
    await up.exited
  }
  const text = await ocs('ps')
  expect(text).toMatch(/two +stopped .*SIGKILL/)
  expect(text).toMatch(/own +stopped .*exit code 0/)
})
