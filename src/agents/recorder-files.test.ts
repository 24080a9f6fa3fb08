/** Files of a running recorder are moved, lost, restored and fetched again. */

import { expect, test } from 'bun:test'
import { copyFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { folder } from '../../test/temporary.ts'
import { until as untilSo } from '../bridge/lab.test-aid.ts'
import { MemoryHub } from '../bus/memory.ts'
import type { Agent } from '../core/agent.ts'
import { channels } from '../core/channels.ts'
import type { OpSession } from '../core/ops.ts'
import { caller } from '../lab/request-client.ts'
import { beatOf, count, counts } from '../runtime/counts.test-aid.ts'
import { runAgent } from '../runtime/run-agent.ts'
import { serveSpool } from '../runtime/spool/serve-spool.ts'
import { Spool } from '../runtime/spool/spool.ts'
import { audit } from '../storage/recorder/audit.ts'
import { disk } from '../storage/recorder/disk.ts'
import aggregator from './aggregator.ts'

const root = 'observatory'
const BEGIN = Math.floor(Date.now() / 1000) - 600

/** An agent's spool that beats, and a recorder that can be started, asked and stopped. */
async function lab(dir: string) {
  const hub = new MemoryHub()
  const here = { root, instance: 'counter' }
  const bus = hub.connect('counter')
  const spool = new Spool(join(folder(), 'counter.sqlite'))
  await serveSpool(bus, here, spool)
  const beat = () => void bus.publish(channels.presence, here, beatOf(spool.id, spool.held('counts')))
  const beats = setInterval(beat, 20)
  const events: string[] = []
  const sessions = new Map<string, OpSession>()
  const eye = hub.connect('eye')
  await eye.subscribe(
    channels.event,
    { root },
    ({ level, kind, text }) => void events.push(`${level} ${kind}: ${text}`),
  )
  await eye.subscribe(channels.session, { root }, (session, { op }) => void sessions.set(op, session))
  const ask = await caller(eye, root)
  const until = (condition: () => boolean) => untilSo(condition, Boolean)
  let next = 1
  return {
    events,
    until,
    async add(rows: number) {
      for (let n = next; n < next + rows; n++) spool.append('counts', counts, count('e1', n, BEGIN + n / 20))
      next += rows
      await spool.flush()
    },
    /** Resolves once the spool has heard that all of it is recorded. */
    recorded: () => until(() => spool.unrecorded('counts') === 0),
    async start() {
      sessions.clear()
      const client = hub.connect('aggregator')
      const running = await runAgent({
        agent: aggregator as unknown as Agent,
        args: aggregator.spec.args.parse({ data_dir: dir, frame_length: 0.05 }),
        identity: {
          root,
          instance: 'aggregator',
          agentClass: 'AggregatorAgent',
          session: crypto.randomUUID(),
          since: 1,
          version: '0',
        },
        bus: client,
        spool: undefined,
        log: () => {},
      })
      await until(
        () =>
          sessions.get('record')?.status === 'running' &&
          'counters' in ((sessions.get('record')?.data as object | undefined) ?? {}),
      )
      return {
        async stop() {
          await running.stop()
          await client[Symbol.asyncDispose]()
        },
      }
    },
    async refill() {
      expect((await ask.request('aggregator', 'refill', 'start')).status).toBe(0)
      const { session } = await ask.request('aggregator', 'refill', 'wait')
      return session
    },
    state: () => sessions.get('record')?.data as { counters?: Record<string, number> } | undefined,
    async [Symbol.asyncDispose]() {
      clearInterval(beats)
      await spool.close()
    },
  }
}

const files = (dir: string) => [...new Bun.Glob('*/*.g3').scanSync(dir)].sort()
const inFiles = async (dir: string) => {
  const [epoch] = (await audit(disk, dir)).epochs
  return (
    epoch && { recorded: epoch.recorded, missing: epoch.missing, doubled: epoch.doubled, gaps: epoch.gaps }
  )
}

test('the file is moved away under a running recorder: it begins anew and takes all of it again', async () => {
  const dir = join(folder(), 'data')
  await using on = await lab(dir)
  const recorder = await on.start()
  await on.add(50)
  await on.recorded()
  renameSync(join(dir, files(dir)[0] ?? ''), join(folder(), 'moved.g3'))
  await on.add(50)
  await on.recorded()
  await on.until(() => on.events.some((text) => text.startsWith('error displaced: ')))
  expect(await inFiles(dir)).toEqual({ recorded: 100, missing: [], doubled: [], gaps: [] })
  await on.until(() => on.state()?.counters?.['displaced'] === 1)
  expect(on.events.filter((text) => text.startsWith('warning moved: '))).toEqual([])
  await recorder.stop()
})

test('a closed file that is gone is told once and not fetched again, until somebody asks', async () => {
  const dir = join(folder(), 'data')
  const kept = join(folder(), 'kept.g3')
  await using on = await lab(dir)
  const gone = () => on.events.filter((text) => text.startsWith('warning moved: '))
  let recorder = await on.start()
  await on.add(50)
  await on.recorded()
  await recorder.stop()
  const [first = ''] = files(dir)
  renameSync(join(dir, first), kept)
  for (let starts = 0; starts < 2; starts++) {
    recorder = await on.start()
    await on.add(10)
    await on.recorded()
    await recorder.stop()
  }
  expect(gone()).toEqual([
    `warning moved: ${join(dir, first)}: moved or lost after they were closed; their data is not fetched again unless you ask for it ("ocs aggregate refill")`,
  ])
  // Nothing of it is fetched by itself, not even after restarts.
  expect(await inFiles(dir)).toMatchObject({ recorded: 20, missing: [{ first: 1, last: 50 }], doubled: [] })
  recorder = await on.start()
  const { success, messages = [] } = await on.refill()
  expect([success, messages.map(([, text]) => text)]).toEqual([
    true,
    expect.arrayContaining([
      `1 file is missing (${first}), with 50 rows that are in no other file: requesting what agents still hold.`,
    ]),
  ])
  await on.until(() => on.state()?.counters?.['rows'] === 50)
  await on.add(10)
  await on.recorded()
  expect(await inFiles(dir)).toMatchObject({ recorded: 80, missing: [], doubled: [], gaps: [] })
  // Asked again there is nothing to be fetched.
  expect(await on.refill()).toMatchObject({ success: true })
  await on.add(10)
  await on.recorded()
  expect(await inFiles(dir)).toMatchObject({ recorded: 90, missing: [], doubled: [] })
  await recorder.stop()
  // Restored, its rows stand twice, and that is told.
  copyFileSync(kept, join(dir, first))
  const restored = await inFiles(dir)
  expect(restored?.missing).toEqual([])
  expect(restored?.doubled.at(0)?.first).toBe(1)
})
