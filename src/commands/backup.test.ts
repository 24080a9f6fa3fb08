import { Database } from 'bun:sqlite'
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../bridge/lab.test-aid.ts'
import { PROGRAM } from '../host/children.ts'
import { freePort, spoken } from '../host/spoken.test-aid.ts'
import { pack, unpack } from '../keeping/tar.ts'
import { recorded } from '../storage/recorder/recorder.test-aid.ts'

// What is to come is waited for as long as the test runner waits.
setDefaultTimeout(600_000)

const folder = mkdtempSync(join(tmpdir(), 'ocs-backup-'))
const started = new Set<Bun.Subprocess>()
afterAll(async () => {
  for (const child of started) {
    child.kill('SIGKILL')
    await child.exited
  }
  rmSync(folder, { recursive: true, force: true })
})
const file = join(folder, 'lab.yaml')
const state = join(folder, 'state')
const data = join(folder, 'data')
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(OCS_|XDG_|NO_COLOR)/.test(name))),
  OCS_STATE_DIR: state,
}
const AGENTS = ['one', 'two', 'three']

async function ocs(...args: string[]) {
  const child = Bun.spawn([...PROGRAM, ...args], { env, stdout: 'pipe', stderr: 'pipe' })
  started.add(child)
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()])
  return { code: await child.exited, out, err }
}

async function writeSite(): Promise<void> {
  const fake = (id: string) =>
    `{instance-id: ${id}, agent-class: FakeDataAgent, arguments: [--mode, acq, --sample-rate, 200, --num-channels, 2, --frame-length, 1]}`
  const text = [
    `hub: {mqtt_server: "mqtt://127.0.0.1:${await freePort()}", wamp_server: "ws://127.0.0.1:${await freePort()}/ws"}`,
    'hosts:',
    '  localhost:',
    '    agent-instances:',
    `      - {instance-id: aggregator, agent-class: AggregatorAgent, arguments: [--initial-state, record, --data-dir, ${data}]}`,
    ...AGENTS.map((id) => `      - ${fake(id)}`),
  ]
  writeFileSync(file, `${text.join('\n')}\n`)
}

/** Starts the lab; what it gives kills it, all at once. */
async function begin(): Promise<() => Promise<void>> {
  const up = Bun.spawn([...PROGRAM, 'up', '--site-file', file], { env, stdout: 'ignore', stderr: 'pipe' })
  started.add(up)
  await spoken(up.stderr)('session joined: ', AGENTS.length + 1)
  return async () => {
    const { roles } = JSON.parse((await ocs('ps', '--json')).out) as { roles: { pid: number }[] }
    for (const pid of [up.pid, ...roles.map((role) => role.pid)]) process.kill(pid, 'SIGKILL')
    await up.exited
    await until(
      () => roles.filter(({ pid }) => existsSync(`/proc/${pid}/exe`)),
      (alive) => alive.length === 0,
    )
  }
}

interface Kept {
  readonly rows: readonly { epoch: string; seq: number; t: number[] }[]
  readonly epochs: readonly { epoch: string; previous: string | null; last: number }[]
}
/** What a spool holds. */
function spoolIn(of: string, instance: string): Kept {
  using db = new Database(join(of, 'observatory', `${instance}.sqlite`), { readonly: true })
  const bodies = db.query('SELECT body FROM rows').all() as { body: string }[]
  return {
    rows: bodies.map(({ body }) => JSON.parse(body)),
    epochs: db.query('SELECT epoch, previous, last FROM epochs ORDER BY id').all() as Kept['epochs'],
  }
}
function lastSession(of: string, instance: string): number {
  using db = new Database(join(of, 'observatory', `${instance}.sessions.sqlite`), { readonly: true })
  return (db.query('SELECT MAX(id) AS id FROM sessions').get() as { id: number }).id
}

/** Times in the archive of one field, in the order recorded, while it is being written: a frame may be half there. */
async function timesOf(instance: string): Promise<number[]> {
  const all = await until(
    () => {
      try {
        return recorded(data)
      } catch {
        return undefined
      }
    },
    (found) => found !== undefined,
  )
  const lines = all?.[`observatory.${instance}.feeds.false_temperatures.channel_00`] ?? []
  return lines.map((line) => Number(line.split(' ')[1]))
}
async function doubled(): Promise<number[]> {
  const all = await Promise.all(AGENTS.map(timesOf))
  return all.map((times) => times.length - new Set(times.map(keyOf)).size)
}
const keyOf = (time: number) => Math.round(time * 1e6)
/** Rows of a spool that the archive does not have. */
async function missing(instance: string, { rows }: Kept): Promise<number> {
  const there = new Set((await timesOf(instance)).map(keyOf))
  return rows.filter(({ t }) => t.some((time) => !there.has(keyOf(time)))).length
}
const recordedFrames = (least: number) =>
  until(
    async () => (existsSync(data) ? await Promise.all(AGENTS.map(timesOf)) : [[]]),
    (all) => Math.min(...all.map((times) => times.length)) >= least,
  )

const allThere = (before: Readonly<Record<string, Kept>>) =>
  until(
    () => Promise.all(Object.entries(before).map(([id, kept]) => missing(id, kept))),
    (left) => left.every((rows) => rows === 0),
  )

test('a lab that has lost its state goes on from a backup made under load: none doubled, none of it lost', async () => {
  await writeSite()
  const kill = await begin()
  await recordedFrames(400)
  const live = AGENTS.map((id) => spoolIn(state, id).epochs.at(-1)?.last ?? Infinity)
  const file1 = join(folder, 'lab.tar.gz')
  const made = await ocs('backup', file1, '--site-file', file, '--data-dir', data)
  expect([made.code, made.err]).toEqual([0, expect.stringContaining('not in it: logs')])
  expect(statSync(file1).mode & 0o777).toBe(0o600)
  const copy = join(folder, 'copy')
  mkdirSync(copy)
  await unpack(file1, copy)
  const before = Object.fromEntries(AGENTS.map((id) => [id, spoolIn(join(copy, 'state'), id)]))
  // Nothing that was committed is missing, and something of it was not recorded yet.
  for (const [at, id] of AGENTS.entries())
    expect(before[id]?.epochs.at(-1)?.last).toBeGreaterThanOrEqual(live[at] ?? Infinity)
  const session = lastSession(join(copy, 'state'), 'one')
  const busy = await ocs('restore', file1)
  expect([busy.code, busy.err]).toEqual([1, expect.stringMatching(/is held by ocs .*stop it first/)])
  const at = (await timesOf('one')).length
  await recordedFrames(at + 400)
  await kill()
  const newer = await ocs('restore', file1, '--data-dir', join(folder, 'elsewhere'))
  expect([newer.code, newer.err]).toEqual([2, expect.stringContaining('is newer than the backup')])

  // The state alone is lost: recordings have gone on since.
  rmSync(state, { recursive: true })
  renameSync(data, `${data}.on`)
  const restored = await ocs('restore', file1)
  expect([restored.code, restored.out]).toEqual([
    0,
    expect.stringContaining(`restored the state in ${state}`),
  ])
  rmSync(data, { recursive: true })
  renameSync(`${data}.on`, data)
  for (const id of AGENTS) expect(spoolIn(state, id)).toEqual(before[id] as Kept)
  expect(statSync(join(state, 'observatory', 'one.sqlite')).mode & 0o777).toBe(0o600)
  const again = await begin()
  await allThere(before)
  await recordedFrames(at + 1200)
  expect(await doubled()).toEqual([0, 0, 0])
  await again()
  for (const id of AGENTS) {
    const { epochs } = spoolIn(state, id)
    const last = before[id]?.epochs.at(-1)
    expect(epochs.map(({ previous }) => JSON.parse(previous ?? 'null'))).toContainEqual(
      expect.objectContaining({ epoch: last?.epoch }),
    )
  }
  expect(lastSession(state, 'one')).toBeGreaterThan(session)

  // All is lost.
  rmSync(state, { recursive: true })
  rmSync(data, { recursive: true })
  expect((await ocs('restore', file1)).code).toBe(0)
  const third = await begin()
  await allThere(before)
  await recordedFrames(800)
  expect(await doubled()).toEqual([0, 0, 0])
  await third()
})

test('a backup that is damaged, newer or in the way of something changes nothing', async () => {
  const [own, to] = [join(folder, 'small'), join(folder, 'to')]
  mkdirSync(join(own, 'hub'), { recursive: true })
  mkdirSync(to)
  writeFileSync(join(own, 'hub', 'principals.yaml'), 'maya: {role: observer}\n')
  const good = join(folder, 'small.tar.gz')
  expect((await ocs('backup', good, '--state-dir', own)).code).toBe(0)
  const layout = join(folder, 'layout')
  mkdirSync(layout)
  await unpack(good, layout)
  const spoilt = async (how: (folder: string) => void) => {
    const copy = mkdtempSync(join(folder, 'spoilt-'))
    await unpack(good, copy)
    how(copy)
    await pack(copy, join(folder, 'spoilt.tar.gz'))
    const { code, err } = await ocs('restore', join(folder, 'spoilt.tar.gz'), '--state-dir', to)
    expect(readdirSync(to)).toEqual([])
    return `${code} ${err}`
  }
  const change = (name: string, from: string, into: string) => (copy: string) =>
    writeFileSync(join(copy, name), readFileSync(join(copy, name), 'utf8').replace(from, into))
  expect(await spoilt(change('state/hub/principals.yaml', 'observer', 'adminadm'))).toMatch(
    /^2 .*principals\.yaml is not what was put there/,
  )
  expect(await spoilt((copy) => rmSync(join(copy, 'state/hub/principals.yaml')))).toContain('is missing')
  expect(await spoilt((copy) => writeFileSync(join(copy, 'state', 'more'), ''))).toContain(
    'was not put there',
  )
  expect(await spoilt((copy) => rmSync(join(copy, 'backup.json')))).toContain('is no backup of ocs')
  expect(await spoilt(change('backup.json', '"version": 1', '"version": 2'))).toMatch(
    /^2 .*is of version 2, which a newer ocs wrote; this one knows 1: restore it with the newer one/,
  )
  writeFileSync(join(folder, 'none.tar.gz'), 'nothing')
  expect((await ocs('restore', join(folder, 'none.tar.gz'), '--state-dir', to)).code).toBe(1)

  // Older state stays, aside.
  expect((await ocs('restore', good, '--state-dir', own)).out).toContain('what was there is in')
  expect(readdirSync(own).filter((name) => !name.startsWith('before-restore-'))).toEqual(['hub'])
  const [aside = ''] = readdirSync(own).filter((name) => name.startsWith('before-restore-'))
  expect(readdirSync(join(own, aside))).toEqual(['hub'])
  appendFileSync(join(own, 'hub', 'principals.yaml'), '# by hand\n')
  const refused = await ocs('restore', good, '--state-dir', own)
  expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('is newer than the backup')])
})
