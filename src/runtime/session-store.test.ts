import { Database } from 'bun:sqlite'
import { afterEach, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OpSession, Transition } from '../core/ops.ts'
import { SessionStore } from './session-store.ts'

const folders: string[] = []
const file = () => {
  const folder = mkdtempSync(join(tmpdir(), 'sessions-'))
  folders.push(folder)
  return join(folder, 'observatory', 'it.sessions.sqlite')
}
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

const session = (session_id: number, op_name: string, more: Partial<OpSession> = {}): OpSession => ({
  session_id,
  op_name,
  op_code: 2,
  status: 'starting',
  degraded: false,
  success: null,
  start_time: 1,
  end_time: null,
  data: {},
  messages: [],
  started_by: 'me',
  ...more,
})
const done = { status: 'done', success: true, op_code: 5, end_time: 2 } as const

test('sessions and their ids go on over restarts', async () => {
  const path = file()
  let store = new SessionStore(path)
  expect([store.nextId(), store.nextId()]).toEqual([0, 1])
  const about = { started_by: 'ctrl-1', started_from: 'maya@grumpy', cred_level: 3, params: { n: 2 } }
  store.save(session(0, 'acq', about))
  store.save(session(0, 'acq', { ...about, ...done, messages: [[2, 'ended']] }))
  store.save(session(1, 'scan', done))
  await store.close()
  store = new SessionStore(path)
  expect(store.nextId()).toBe(2)
  expect(store.list(undefined, 10).map(({ op_name }) => op_name)).toEqual(['scan', 'acq'])
  expect(store.latest('acq')).toEqual(session(0, 'acq', { ...about, ...done, messages: [[2, 'ended']] }))
  expect(store.latest('none')).toBeUndefined()
  await store.close()
})

test('the file of a newer version is left alone, one of before there were versions goes on', async () => {
  const path = file()
  const store = new SessionStore(path)
  store.save(session(store.nextId(), 'acq', done))
  await store.close()
  const to = (version: number) => {
    using db = new Database(path)
    db.run(`PRAGMA user_version = ${version}`)
  }
  to(7)
  const before = readFileSync(path)
  expect(() => new SessionStore(path)).toThrow(
    `${path} has version 7, from a newer ocs; this one knows 1: run the newer one`,
  )
  expect(readFileSync(path)).toEqual(before)
  to(0)
  const again = new SessionStore(path)
  expect(again.nextId()).toBe(1)
  await again.close()
  using db = new Database(path)
  expect(db.query('PRAGMA user_version').get()).toEqual({ user_version: 1 })
})

test('what was under way when the process was killed is ended by that', async () => {
  const path = file()
  const script = `
    import { SessionStore } from ${JSON.stringify(join(import.meta.dir, 'session-store.ts'))}
    const store = new SessionStore(${JSON.stringify(path)})
    const session = ${JSON.stringify(session(0, 'acq', { status: 'running', op_code: 3 }))}
    for (const id of [store.nextId(), store.nextId()]) store.save({ ...session, session_id: id, degraded: id === 1 })
    process.kill(process.pid, 'SIGKILL')`
  await Bun.spawn([process.execPath, '-e', script]).exited
  const store = new SessionStore(path)
  expect(store.nextId()).toBe(2)
  for (const found of store.list('acq', 9)) {
    expect(found).toMatchObject({
      status: 'done',
      success: false,
      degraded: false,
      op_code: 6,
      end_time: expect.any(Number),
    })
    expect(found.messages.at(-1)?.[1]).toBe('The agent died while this was under way; it is back now.')
  }
  expect(store.list('acq', 9).length).toBe(2)
  await store.close()
})

test('the last 100 of each operation are kept', async () => {
  const store = new SessionStore(file())
  for (let n = 0; n < 250; n++) {
    const op = n % 5 === 0 ? 'rare' : 'often'
    const id = store.nextId()
    store.save(session(id, op))
    store.save(session(id, op, done))
  }
  expect(store.list('rare', 1000).length).toBe(50)
  expect(store.list('often', 1000).length).toBe(100)
  expect(store.list('often', 1000).at(-1)?.session_id).toBe(126)
  await store.close()
})

test('one owner; a file that is none is named with what to do', async () => {
  const path = file()
  const store = new SessionStore(path)
  expect(() => new SessionStore(path)).toThrow(
    'is in use by this process itself: this instance already runs on this machine',
  )
  await store.close()
  const other = join(folders[0] ?? '', 'no.sqlite')
  writeFileSync(other, 'not a database at all'.repeat(100))
  expect(() => new SessionStore(other)).toThrow(/no\.sqlite: .*: check the folder, or move the file away/)
})

test('a session written by another version is left out, the others are shown', async () => {
  const path = file()
  let store = new SessionStore(path)
  store.save(session(store.nextId(), 'acq', done))
  await store.close()
  const db = new Database(path)
  db.run("INSERT INTO sessions VALUES (1, 'acq', 'done', '{\"strange\": 1}')")
  db.close()
  store = new SessionStore(path)
  expect(store.list('acq', 9).map(({ session_id }) => session_id)).toEqual([0])
  expect(store.nextId()).toBe(2)
  await store.close()
})

test('a disk that refuses is told once; the agent goes on', async () => {
  const path = file()
  const store = new SessionStore(path)
  const told: string[] = []
  store.onTrouble = (text) => told.push(text)
  const blocker = new Database(path)
  blocker.run('BEGIN EXCLUSIVE')
  for (let n = 0; n < 3; n++) store.save(session(store.nextId(), 'acq'))
  blocker.run('ROLLBACK')
  blocker.close()
  expect(told).toEqual([
    `the history of sessions cannot be written: database is locked (${path}: check who may write there)`,
  ])
  store.save(session(2, 'acq', done))
  expect(store.list('acq', 9).map(({ session_id }) => session_id)).toEqual([2])
  await store.close()
})

test('another reason is kept when it comes, though the state stays', async () => {
  const store = new SessionStore(file())
  const bad = (...transitions: Transition[]) =>
    session(0, 'acq', { status: 'running', degraded: true, op_code: 8, transitions })
  store.save(bad([2, 'degraded', 'no cable']))
  store.save(bad([2, 'degraded', 'no cable'], [3, 'degraded', 'no reply']))
  expect(store.latest('acq')?.transitions?.map(([, , why]) => why)).toEqual(['no cable', 'no reply'])
  await store.close()
})
