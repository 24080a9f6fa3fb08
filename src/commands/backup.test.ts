import { expect, setDefaultTimeout, test } from 'bun:test'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { AGENTS, type KeptRows, lastSession, spoolIn, spoolsIn, UpLab } from '../../test/up-lab.ts'
import { pack, unpack } from '../keeping/tar.ts'
import { setAside } from '../storage/push/reserve.ts'

// What is to come is waited for as long as the test runner waits.
setDefaultTimeout(600_000)

test('a lab that has lost its state goes on from a backup made under load: none doubled, none of it lost', async () => {
  await using lab = await UpLab.make()
  const { folder, state, data } = lab
  const kill = await lab.begin()
  await lab.recorded(400)
  const live = AGENTS.map((id) => spoolIn(state, id).epochs.at(-1)?.last ?? Infinity)
  const file1 = join(folder, 'lab.tar.gz')
  setAside(data)
  const made = await lab.ocs('backup', file1, '--site-file', lab.site, '--data-dir', data)
  expect([made.code, made.err]).toEqual([0, expect.stringContaining('not in it: logs')])
  expect(statSync(file1).mode & 0o777).toBe(0o600)
  const copy = join(folder, 'copy')
  mkdirSync(copy)
  await unpack(file1, copy)
  // What is set aside on a disk has nothing to do with what is on it.
  expect(readdirSync(join(copy, 'recordings', '0', '.ocs'))).not.toContain('push-reserve')
  const before = spoolsIn(join(copy, 'state'))
  // Nothing that was committed is missing, and something of it was not recorded yet.
  for (const [at, id] of AGENTS.entries())
    expect(before[id]?.epochs.at(-1)?.last).toBeGreaterThanOrEqual(live[at] ?? Infinity)
  const session = lastSession(join(copy, 'state'), 'one')
  const busy = await lab.ocs('restore', file1)
  expect([busy.code, busy.err]).toEqual([1, expect.stringMatching(/is in use by ocs .*stop it first/)])
  const at = (await lab.times('one')).length
  await lab.recorded(at + 400)
  await kill()
  const newer = await lab.ocs('restore', file1, '--data-dir', join(folder, 'elsewhere'))
  expect([newer.code, newer.err]).toEqual([2, expect.stringContaining('is newer than the backup')])

  // The state alone is lost: recordings have gone on since.
  rmSync(state, { recursive: true })
  renameSync(data, `${data}.on`)
  const restored = await lab.ocs('restore', file1)
  expect([restored.code, restored.out]).toEqual([
    0,
    expect.stringContaining(`restored the state in ${state}`),
  ])
  rmSync(data, { recursive: true })
  renameSync(`${data}.on`, data)
  for (const id of AGENTS) expect(spoolIn(state, id)).toEqual(before[id] as KeptRows)
  expect(statSync(join(state, 'observatory', 'one.sqlite')).mode & 0o777).toBe(0o600)
  const again = await lab.begin()
  await lab.allThere(before)
  await lab.recorded(at + 1200)
  expect(await lab.doubled()).toEqual([0, 0, 0])
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
  expect((await lab.ocs('restore', file1)).code).toBe(0)
  const third = await lab.begin()
  await lab.allThere(before)
  await lab.recorded(800)
  expect(await lab.doubled()).toEqual([0, 0, 0])
  await third()
})

test('a backup that is damaged, newer or in the way of something changes nothing', async () => {
  await using lab = await UpLab.make()
  const { folder } = lab
  const [own, to] = [join(folder, 'small'), join(folder, 'to')]
  mkdirSync(join(own, 'hub'), { recursive: true })
  mkdirSync(to)
  writeFileSync(join(own, 'hub', 'principals.yaml'), 'maya: {role: observer}\n')
  const good = join(folder, 'small.tar.gz')
  expect((await lab.ocs('backup', good, '--state-dir', own)).code).toBe(0)
  const layout = join(folder, 'layout')
  mkdirSync(layout)
  await unpack(good, layout)
  const spoilt = async (how: (folder: string) => void) => {
    const copy = mkdtempSync(join(folder, 'spoilt-'))
    await unpack(good, copy)
    how(copy)
    await pack(copy, join(folder, 'spoilt.tar.gz'))
    const { code, err } = await lab.ocs('restore', join(folder, 'spoilt.tar.gz'), '--state-dir', to)
    expect(readdirSync(to)).toEqual([])
    return `${code} ${err}`
  }
  const change = (name: string, from: string, into: string) => (copy: string) =>
    writeFileSync(join(copy, name), readFileSync(join(copy, name), 'utf8').replace(from, into))
  expect(await spoilt(change('state/hub/principals.yaml', 'observer', 'adminadm'))).toMatch(
    /^2 .*principals\.yaml has changed since the backup/,
  )
  expect(await spoilt((copy) => rmSync(join(copy, 'state/hub/principals.yaml')))).toContain('is missing')
  expect(await spoilt((copy) => writeFileSync(join(copy, 'state', 'more'), ''))).toContain(
    'is not in its list',
  )
  expect(await spoilt((copy) => rmSync(join(copy, 'backup.json')))).toContain('is not a backup of ocs')
  expect(await spoilt(change('backup.json', '"version": 1', '"version": 2'))).toMatch(
    /^2 .*has version 2, from a newer ocs; this one knows 1: restore it with the newer one/,
  )
  writeFileSync(join(folder, 'none.tar.gz'), 'nothing')
  expect((await lab.ocs('restore', join(folder, 'none.tar.gz'), '--state-dir', to)).code).toBe(1)

  // Older state stays, aside.
  expect((await lab.ocs('restore', good, '--state-dir', own)).out).toContain('the previous contents are in')
  expect(readdirSync(own).filter((name) => !name.startsWith('before-restore-'))).toEqual(['hub'])
  const [aside = ''] = readdirSync(own).filter((name) => name.startsWith('before-restore-'))
  expect(readdirSync(join(own, aside))).toEqual(['hub'])
  appendFileSync(join(own, 'hub', 'principals.yaml'), '# by hand\n')
  const refused = await lab.ocs('restore', good, '--state-dir', own)
  expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('is newer than the backup')])
})
