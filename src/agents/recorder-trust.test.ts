/** Whose acknowledgements an agent goes by, over a real hub: its recorder's, and those of nobody who is called like it. */

import { afterAll, expect, test } from 'bun:test'
import { cpSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ownClock } from '../../test/own-clock.ts'
import { folder as newFolder } from '../../test/temporary.ts'
import { UNHURRIED_MS } from '../../test/turns-clock.ts'
import { testHub } from '../broker/hub.test-aid.ts'
import type { Bus } from '../bus/bus.ts'
import { connectMqtt, reached } from '../bus/mqtt.ts'
import { commandLine } from '../commands/ctrl/ctrl.test-aid.ts'
import { channels } from '../core/channels.ts'
import { ackText, newKeyText, recorderKey } from '../core/recording/recorder-key.ts'
import { follow } from '../lab/follow.ts'
import { ownRecorderKey } from '../machine/recorder-key-file.ts'
import { beatOf, count, counts } from '../runtime/counts.test-aid.ts'
import { serveSpool } from '../runtime/spool/serve-spool.ts'
import { Spool } from '../runtime/spool/spool.ts'
import { audit } from '../storage/recorder/audit.ts'
import { disk } from '../storage/recorder/disk.ts'
import { Recorder } from '../storage/recorder/recorder.ts'

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())

const root = 'observatory'
const here = { root, instance: 'counter' }
const BEGIN = Math.floor(Date.now() / 1000) - 600
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** A hub whose site has one recorder, an agent that beats, and folders of other accounts and hosts. */
async function lab() {
  const folder = newFolder()
  const { hub } = await testHub({ recorders: ['aggregator'] })
  const { mqtt: url } = hub.urls
  const state = join(folder, 'state')
  const spool = new Spool(join(state, root, 'counter.sqlite'))
  const bus = connectMqtt({ url, client: 'counter' })
  const said: string[] = []
  await serveSpool(bus, here, spool, (level, _, text) => said.push(`${level} ${text}`))
  const beats = setInterval(
    () => void bus.publish(channels.presence, here, beatOf(spool.id, spool.held('counts'))),
    20,
  )
  return {
    folder,
    url,
    state,
    spool,
    said,
    /** Appends rows up to a number. */
    async fill(to: number) {
      for (let n = spool.held('counts')[0]?.last ?? 0; ++n <= to; )
        spool.append('counts', counts, count('e1', n, BEGIN + n / 20))
      await spool.flush()
    },
    /** A recorder of a state folder and a data directory, until disposed. */
    async record(of: string, dir: string) {
      const recorder = await Recorder.open({ dir, root, frameLength: 0.05, log: () => {}, event: () => {} })
      const recorderBus = connectMqtt({ url, client: 'aggregator' })
      const key = ownRecorderKey(join(of, root), () => {})
      const follower = await follow(recorderBus, root, recorder, {}, undefined, key)
      recorder.attach(follower)
      return {
        key: () => key()?.id ?? '',
        /** Waits until so many rows are in its files. */
        async has(rows: number) {
          for (;;) {
            await recorder.flush()
            if (recorder.counters.rows >= rows) return
            await turn()
          }
        },
        async [Symbol.asyncDispose]() {
          await follower[Symbol.asyncDispose]()
          await recorder[Symbol.asyncDispose]()
          await recorderBus[Symbol.asyncDispose]()
        },
      }
    },
    /** Waits until the agent knows that all is recorded. */
    async acknowledged() {
      while (spool.unrecorded('counts') > 0) await turn()
    },
    async [Symbol.asyncDispose]() {
      clearInterval(beats)
      await bus[Symbol.asyncDispose]()
      await spool.close(UNHURRIED_MS)
      await hub.close()
    },
  }
}

/** Resolves once the agent has heard all that was sent to it before. */
async function heard(bus: Bus): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  await using _ = await bus.subscribe(channels.replayed, { ...here, client: bus.client }, () => resolve())
  const ask = { id: crypto.randomUUID(), feed: 'counts', epoch: 'e1', from: 1, max_bytes: 1 }
  await bus.publish(channels.replay, { ...here, client: bus.client }, ask)
  await promise
}

test('who takes the recorder’s name while it is down acknowledges nothing', async () => {
  await using it = await lab()
  const data = join(it.folder, 'data')
  await it.fill(20)
  const genuine: { seq: number; data_dir: string; key: string; signature: string }[] = []
  {
    await using eye = connectMqtt({ url: it.url, client: 'eye' })
    await eye.subscribe(channels.ack, { root }, (ack) => genuine.push(ack))
    await using _ = await it.record(it.state, data)
    await it.acknowledged()
    while (genuine.length === 0) await turn()
  }
  await it.fill(40)
  {
    await using evil = connectMqtt({ url: it.url, client: 'aggregator' })
    await reached(evil, it.url, UNHURRIED_MS / 1000)
    const { data_dir = '', key = '', signature = '' } = genuine.at(-1) ?? {}
    const acked = { epoch: 'e1', seq: Number.MAX_SAFE_INTEGER, data_dir }
    const to = { ...here, feed: 'counts' }
    const own = recorderKey(newKeyText())
    // With a key of its own, under the recorder's key, and with a word that the recorder has said of other rows.
    const forged = [
      { key: own.id, signature: own.sign(ackText({ to, ...acked })) },
      { key, signature: own.sign(ackText({ to, ...acked })) },
      { key, signature },
    ]
    for (const each of forged) await evil.publish(channels.ack, to, { ...acked, ...each })
    await heard(evil)
    expect(it.spool.unrecorded('counts')).toBe(20)
    expect(it.spool.counters['acks_refused']).toBe(3)
    expect(it.said.filter((text) => text.startsWith('warning'))).toEqual([
      expect.stringContaining(
        `a recorder with the key ${own.id} (data directory ${data_dir}) is not the trusted one`,
      ),
      expect.stringContaining(`names the recorder's key ${key} but is not signed with it`),
    ])
  }
  // The recorder, back, has all of them.
  await using _ = await it.record(it.state, data)
  await it.acknowledged()
  const { epochs } = await audit(disk, data)
  expect(epochs).toMatchObject([{ epoch: 'e1', recorded: 40, gaps: [], missing: [], doubled: [] }])
})

test('a recorder elsewhere is trusted at its first word, and again after a restart and in a new data directory', async () => {
  await using it = await lab()
  const there = join(it.folder, 'there')
  await it.fill(10)
  {
    await using recorder = await it.record(there, join(it.folder, 'one'))
    await it.acknowledged()
    expect(it.said).toEqual([
      expect.stringContaining(`info the recorder with the key ${recorder.key()} is the first`),
    ])
  }
  await it.fill(20)
  {
    await using _ = await it.record(there, join(it.folder, 'one'))
    await it.acknowledged()
  }
  await it.fill(30)
  await using _ = await it.record(there, join(it.folder, 'two'))
  await it.acknowledged()
  expect(it.said.slice(1)).toEqual([expect.stringContaining('the recorder uses another one')])
})

test('a recorder that comes from nowhere records, and is told how it is trusted; with the key of the old one it is', async () => {
  await using it = await lab()
  const [old, next, heir] = [join(it.folder, 'old'), join(it.folder, 'next'), join(it.folder, 'heir')]
  await it.fill(10)
  {
    await using _ = await it.record(old, join(it.folder, 'one'))
    await it.acknowledged()
  }
  await it.fill(30)
  {
    await using recorder = await it.record(next, join(it.folder, 'two'))
    await recorder.has(30)
    while (it.spool.refusedAcks === 0) await turn()
    expect(it.spool.unrecorded('counts')).toBe(20)
    const advice = /ocs (spool trust \S+ --state-dir=\S+)$/.exec(it.said.at(-1) ?? '')?.[1] ?? ''
    expect(advice).toContain(recorder.key())
    const line = commandLine(advice.split(' '), {})
    expect([await line.code, line.err()]).toEqual([0, ''])
    // The agent need not be started anew.
    await it.acknowledged()
  }
  await it.fill(40)
  mkdirSync(join(heir, root), { recursive: true })
  cpSync(join(old, root, 'recorder.key'), join(heir, root, 'recorder.key'))
  await using _ = await it.record(heir, join(it.folder, 'three'))
  await it.acknowledged()
})

test('a recorder of the agents’ own state folder is trusted without a word, whoever was heard first', async () => {
  await using it = await lab()
  await it.fill(10)
  {
    await using _ = await it.record(join(it.folder, 'there'), join(it.folder, 'one'))
    await it.acknowledged()
  }
  await it.fill(20)
  await using _ = await it.record(it.state, join(it.folder, 'two'))
  await it.acknowledged()
  expect(it.said.filter((text) => text.includes('is not the one'))).toEqual([])
})

test('a recorder whose key cannot be kept acknowledges nothing until it can be', async () => {
  await using it = await lab()
  await it.fill(10)
  const there = join(it.folder, 'there')
  writeFileSync(there, '')
  await using recorder = await it.record(there, join(it.folder, 'one'))
  await recorder.has(10)
  expect(recorder.key()).toBe('')
  rmSync(there)
  await it.acknowledged()
  expect(statSync(join(there, root, 'recorder.key')).mode & 0o777).toBe(0o600)
  expect(existsSync(join(it.state, root, 'trusted-recorders'))).toBe(true)
})

test('ocs spool trust lists whom the agents trust, and refuses what is no key', async () => {
  await using it = await lab()
  await it.fill(1)
  const trust = async (...argv: string[]) => {
    const line = commandLine(['spool', 'trust', ...argv], { state: it.state })
    return { code: await line.code, text: line.out() + line.err() }
  }
  expect((await trust()).text).toContain('trust the first recorder that acknowledges rows')
  const key = 'a1'.repeat(32)
  expect((await trust(key)).code).toBe(0)
  expect((await trust()).text).toBe(`${key} in ${join(it.state, root, 'trusted-recorders')}\n`)
  // As an editor leaves it.
  const file = join(it.state, root, 'trusted-recorders')
  writeFileSync(file, `# ours\n\t${key}\r\nnonsense`)
  const other = 'b2'.repeat(32)
  expect((await trust(other)).code).toBe(0)
  expect((await trust()).text).toBe(`${key} in ${file}\n${other} in ${file}\n`)
  expect(await trust('A1')).toMatchObject({ code: 2, text: expect.stringContaining('64 digits') })
  expect(await trust(key, '--address-root=lab')).toMatchObject({
    code: 2,
    text: expect.stringContaining('address root lab'),
  })
})
