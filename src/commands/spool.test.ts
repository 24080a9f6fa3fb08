import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chmodSync, copyFileSync, cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import aggregator from '../agents/aggregator.ts'
import { testHub } from '../broker/hub.test-aid.ts'
import { connectMqtt } from '../bus/mqtt.ts'
import { channels } from '../core/channels.ts'
import { CONNACK } from '../core/errors.ts'
import { knownRecorderKey } from '../machine/recorder-key-file.ts'
import { byToken } from '../principals/identify.ts'
import { ownLocalTokens } from '../principals/local-token.ts'
import { principalsPath } from '../principals/principals-file.ts'
import { count, counts } from '../runtime/counts.test-aid.ts'
import { newIdentity, willOf } from '../runtime/identity.ts'
import { Spool } from '../runtime/spool/spool.ts'
import { audit } from '../storage/recorder/audit.ts'
import { disk } from '../storage/recorder/disk.ts'
import { commandLab, commandLine, type TestLab } from './ctrl/ctrl.test-aid.ts'

let lab: TestLab
beforeAll(async () => {
  lab = await commandLab()
})
afterAll(() => lab[Symbol.asyncDispose]())

const T0 = 1_700_050_000
const state = () => join(lab.folder, 'maya')
const file = () => join(state(), 'observatory', 'ls240.sqlite')

/** `ocs spool …` in maya's state folder. */
async function spool(...argv: string[]) {
  const line = commandLine(['spool', ...argv], { state: state() })
  return { code: await line.code, out: line.out(), err: line.err() }
}
const drain = (...argv: string[]) => spool('drain', 'ls240', '--site-hub', lab.url, ...argv)

/** A spool of 130 epochs, more than a list holds, of 20 rows; the first is recorded in another data directory. */
async function fill(): Promise<void> {
  const kept = new Spool(file())
  for (let e = 0; e < 130; e++)
    for (let n = 0; n < 20; n++) kept.append('counts', counts, count(`e${e}`, n, T0 + e * 20 + n))
  await kept.flush()
  kept.acknowledge('counts', 'e0', 20)
  await kept.close()
}

test('what waits in a state folder, a line a spool; of one, a line an epoch', async () => {
  expect((await spool('ls')).out).toBe(`no spools in ${state()}\n`)
  await fill()
  const { out } = await spool('ls')
  expect(out).toMatch(/^SPOOL +STATE +ROWS +NOT RECORDED +OLDEST +NEWEST +SIZE$/m)
  expect(out).toMatch(/^observatory\.ls240 +at rest +2600 +2580 +2023-11-15T\S+ +2023-11-15T\S+ +0\.\d MiB$/m)
  const [found] = JSON.parse((await spool('ls', '--json')).out)
  expect(found).toMatchObject({
    instance: 'ls240',
    rows: 2600,
    unrecorded: 2580,
    oldest: T0,
    newest: T0 + 2599,
  })
  const one = await spool('show', 'observatory.ls240')
  expect(one.out).toContain(`observatory.ls240: ${file()}, `)
  expect(one.out).toMatch(/^counts +e0 +20 +0 +\S+ +\S+$/m)
  expect(one.out).toMatch(/^counts +e129 +20 +20 +\S+ +\S+$/m)
  const using = new Spool(file())
  expect((await spool('ls')).out).toMatch(/^observatory\.ls240 +in use /m)
  expect(await drain()).toMatchObject({ code: 1, err: expect.stringContaining('is in use') })
  await using.close()
})

test('what cannot be drained says why', async () => {
  expect(await spool('show', 'ls24')).toEqual({
    code: 2,
    out: '',
    err: `ocs: no spool of "ls24" in ${state()} (did you mean "ls240"?): name another folder with --state-dir\n`,
  })
  const root = await drain('--address-root', 'lab')
  expect(root).toMatchObject({ code: 2, err: expect.stringContaining('--address-root=observatory') })
  expect((await drain('--timeout', 'x')).code).toBe(2)
  const nobody = await drain('--timeout', '0.5')
  expect(nobody.code).toBe(3)
  expect(nobody.err).toContain(
    'no recorder has recorded a row for 0.5 s: 2580 rows are not recorded yet; they are kept',
  )
  expect((await spool('drain', 'ls240', '--site-hub', 'mqtt://127.0.0.1:1')).code).toBe(3)
})

test('a spool is drained by who can read what the hub’s account keeps for itself', async () => {
  const { hub } = await testHub({
    identify: byToken({
      account: 'maya',
      local: ownLocalTokens([state()]),
      file: principalsPath(state()),
      log: () => {},
    }),
  })
  await using _hub = hub
  const url = hub.urls.mqtt
  const { promise, resolve } = Promise.withResolvers<unknown>()
  const client = 'ls240-drain-0a1b2c3d'
  const will = willOf(newIdentity({ root: 'observatory', instance: client, agentClass: 'X', version: '0' }))
  await using nobody = connectMqtt({ url, client, will, onRefused: (_, code) => resolve(code) })
  using _ = nobody.onConnected((connected) => connected && resolve('let in'))
  expect(await promise).toBe(CONNACK.notAuthorised)

  const other = join(lab.folder, 'anna')
  cpSync(state(), other, { recursive: true })
  rmSync(join(other, 'hub'), { recursive: true })
  const drainThere = () =>
    commandLine(['spool', 'drain', 'ls240', '--site-hub', url, '--timeout', '0.5'], { state: other })
  const there = drainThere()
  expect(await there.code).toBe(1)
  expect(there.err()).toContain("get the agent's credentials from it: ocs hub token ls240")
  // What the hub goes by is this account's alone: one that others may read is none.
  const token = join(other, 'hub', 'local.token')
  mkdirSync(join(other, 'hub'))
  copyFileSync(join(state(), 'hub', 'local.token'), token)
  chmodSync(token, 0o640)
  expect(await drainThere().code).toBe(1)
  chmodSync(token, 0o600)
  // Let in: that nobody records what it has is another matter.
  expect(await drainThere().code).toBe(3)
})

test('what the recorder does not take, since the site file does not name it, is said at once by drain and forget', async () => {
  const named = new Map([['picky', { agentClass: 'AggregatorAgent', isUp: true }]])
  const site = { alarms: undefined, instances: named }
  const picky = await lab.start('picky', { data_dir: join(lab.folder, 'named') }, aggregator, site)
  const { code, err } = await drain('--timeout', '3600')
  expect(code).toBe(1)
  expect(err).toContain('picky does not record ls240: it is not in the site file')
  expect(err).toContain('--record-unknown')
  await (await lab.start('ls240')).stop()
  const forgotten = await lab.ocs('ctrl', 'forget', 'ls240')
  expect(forgotten.err).toContain('picky does not record ls240: it is not in the site file')
  expect(forgotten.err).toContain('--even-unrecorded')
  await picky.stop()
})

test('a drained spool is recorded as its agent’s, which lives elsewhere meanwhile', async () => {
  const data = join(lab.folder, 'data')
  await using eye = connectMqtt({ url: lab.url, client: 'eye' })
  const drains = new Set<string>()
  await eye.subscribe(channels.drains, { root: 'observatory' }, (_, { instance, of }) => {
    drains.add(`${instance} of ${of}`)
  })
  await lab.start('ls240')
  await lab.start('aggregator', { data_dir: data, frame_length: 300 }, aggregator)
  const done = await drain()
  expect(done).toMatchObject({ code: 0, out: expect.stringContaining('2580 rows are recorded, in ') })
  expect([...drains]).toEqual([expect.stringMatching(/^ls240-drain-[0-9a-f]{8} of ls240$/)])
  // Nothing is left of it on the hub.
  const { out } = await lab.ocs('ctrl', 'ls')
  expect(out).toContain('ls240 ')
  expect(out).not.toContain('drain')
  // What the spool had not noted yet as recorded is offered again, and recorded once all the same.
  const again = await drain('--json')
  expect(JSON.parse(again.out)).toMatchObject({ instance: 'ls240', file: file() })
  const { epochs } = await audit(disk, data)
  expect(epochs.map(({ address }) => address)).toEqual(Array(129).fill('observatory.ls240.feeds.counts'))
  expect(
    epochs.filter(
      ({ recorded, gaps, missing, doubled }) =>
        recorded !== 20 || gaps.length + missing.length + doubled.length > 0,
    ),
  ).toEqual([])
})

test('hub and recorder, as they are typed, know what their state folders have', async () => {
  const [account, elsewhere] = [join(lab.folder, 'typed'), join(lab.folder, 'elsewhere')]
  const kept = new Spool(join(account, 'observatory', 'ls240.sqlite'))
  for (let n = 1; n <= 20; n++) kept.append('counts', counts, count('e1', n))
  await kept.close()
  const ports = ['--listen', '127.0.0.1:0', '--listen-ws', '127.0.0.1:0']
  const hub = commandLine(['hub', ...ports, '--state-dir', account], { state: elsewhere })
  await hub.says('listening on ws')
  const site = ['--site-hub', /mqtt:\S+/.exec(hub.err())?.[0] ?? '']
  const data = ['--data-dir', join(lab.folder, 'typed-data')]
  const recorder = commandLine(['aggregate', ...site, ...data, '--state-dir', elsewhere], {
    state: elsewhere,
  })
  const line = commandLine(['spool', 'drain', 'ls240', ...site, '--state-dir', account], { state: account })
  expect([await line.code, line.out()]).toEqual([0, expect.stringContaining('20 rows are recorded')])
  const trusted = commandLine(['spool', 'trust', '--state-dir', account], { state: account })
  expect(await trusted.code).toBe(0)
  const key = knownRecorderKey(join(elsewhere, 'observatory'))?.id
  expect(trusted.out()).toStartWith(`${key} in `)
  for (const role of [recorder, hub]) {
    role.terminate()
    expect(await role.code).toBe(0)
  }
})
