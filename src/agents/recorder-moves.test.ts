/** Data directories and spools that are new, copied, restored from a backup, or weeks behind: what comes of the rows. */

import { Database } from 'bun:sqlite'
import { afterAll, expect, test } from 'bun:test'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ownClock } from '../../test/own-clock.ts'
import { folder } from '../../test/temporary.ts'
import { UNHURRIED_MS } from '../../test/turns-clock.ts'
import { MemoryHub } from '../bus/memory.ts'
import { channels } from '../core/channels.ts'
import { follow } from '../lab/follow.ts'
import { beatOf, count, counts } from '../runtime/counts.test-aid.ts'
import { serveSpool } from '../runtime/spool/serve-spool.ts'
import { Spool } from '../runtime/spool/spool.ts'
import { audit } from '../storage/recorder/audit.ts'
import { disk } from '../storage/recorder/disk.ts'
import { Recorder } from '../storage/recorder/recorder.ts'

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())

const root = 'observatory'
const now = () => Date.now() / 1000

/** When row 1 of an epoch was read, unix s: minutes ago. */
const BEGIN = Math.floor(now()) - 600

/** Appends rows `from`..`to`, 50 ms apart. */
async function fill(spool: Spool, epoch: string, from: number, to: number, begin = BEGIN): Promise<void> {
  for (let n = from; n <= to; n++) spool.append('counts', counts, count(epoch, n, begin + n / 20))
  await spool.flush()
}

/** A recorder of a data directory and its hub, with all that it said; the agent's spools come and go. */
async function recording(dir: string) {
  const hub = new MemoryHub()
  const said: string[] = []
  const event = (level: string, kind: string, text: string) => said.push(`${level} ${kind}: ${text}`)
  const recorder = await Recorder.open({ dir, root, frameLength: 0.05, log: () => {}, event })
  const follower = await follow(hub.connect('aggregator'), root, recorder)
  recorder.attach(follower)
  return {
    said,
    /** Records all that a spool holds, until the spool has heard so. */
    async all(spool: Spool): Promise<void> {
      await using agent = hub.connect('counter')
      const here = { root, instance: 'counter' }
      await serveSpool(agent, here, spool)
      const beat = () => void agent.publish(channels.presence, here, beatOf(spool.id, spool.held('counts')))
      const beats = setInterval(beat, 20)
      beat()
      // The directory has all when its own word has come for all that the spool holds.
      const has = () => {
        const { behind, feeds } = follower.state
        return (
          behind === 0 && Object.values(feeds).some(({ live }) => live) && spool.unrecorded('counts') === 0
        )
      }
      while (!has()) await new Promise((resolve) => setImmediate(resolve))
      await recorder.flush()
      clearInterval(beats)
    },
    async [Symbol.asyncDispose]() {
      await follower[Symbol.asyncDispose]()
      await recorder[Symbol.asyncDispose]()
    },
  }
}

/** Records all that a spool holds in a data directory, until the spool has heard so. Returns what was said. */
async function recordAll(spool: Spool, dir: string): Promise<string[]> {
  await using recorder = await recording(dir)
  await recorder.all(spool)
  return recorder.said
}

/** Rows recorded of each epoch, rows in gaps, and rows missing or doubled, by the files alone. */
async function inFiles(dir: string) {
  const { epochs } = await audit(disk, dir)
  const rows = (spans: readonly { first: number; last: number }[]) =>
    spans.reduce((sum, { first, last }) => sum + last - first + 1, 0)
  return {
    recorded: Object.fromEntries(epochs.map(({ epoch, recorded }) => [epoch, recorded])),
    gaps: epochs.reduce((sum, { gaps }) => sum + rows(gaps), 0),
    wrong: epochs.reduce((sum, { missing, doubled }) => sum + rows(missing) + rows(doubled), 0),
  }
}

test('a new data directory begins with what the agents still hold, and counts nothing as lost', async () => {
  const spool = new Spool(join(folder(), 'counter.sqlite'))
  const [one, two] = [join(folder(), 'data'), join(folder(), 'data')]
  await fill(spool, 'e1', 1, 100)
  await recordAll(spool, one)
  await fill(spool, 'e1', 101, 120)
  await recordAll(spool, two)
  expect(await inFiles(one)).toEqual({ recorded: { e1: 100 }, gaps: 0, wrong: 0 })
  expect(await inFiles(two)).toEqual({ recorded: { e1: 120 }, gaps: 0, wrong: 0 })
  await spool.close(UNHURRIED_MS)
})

test('a copied data directory goes on by itself, and the original catches up when its turn comes', async () => {
  const spool = new Spool(join(folder(), 'counter.sqlite'))
  const [original, copy] = [join(folder(), 'data'), join(folder(), 'data')]
  await fill(spool, 'e1', 1, 50)
  await recordAll(spool, original)
  cpSync(original, copy, { recursive: true })
  await fill(spool, 'e1', 51, 80)
  await recordAll(spool, copy)
  await fill(spool, 'e1', 81, 90)
  await recordAll(spool, original)
  expect(await inFiles(copy)).toEqual({ recorded: { e1: 80 }, gaps: 0, wrong: 0 })
  expect(await inFiles(original)).toEqual({ recorded: { e1: 90 }, gaps: 0, wrong: 0 })
  await spool.close(UNHURRIED_MS)
})

test.each([
  ['of the last hour', 0],
  ['of which the agents have nothing any more', 30],
])('a data directory restored from a backup has what came since from the agents: %s', async (_, gone) => {
  const path = join(folder(), 'counter.sqlite')
  const spool = new Spool(path)
  const [dir, backup] = [join(folder(), 'data'), join(folder(), 'data')]
  await fill(spool, 'e1', 1, 50)
  await recordAll(spool, dir)
  cpSync(dir, backup, { recursive: true })
  await fill(spool, 'e1', 51, 80)
  await recordAll(spool, dir)
  const db = new Database(path)
  db.run('DELETE FROM rows WHERE seq <= ?', [50 + gone])
  db.close()
  await fill(spool, 'e1', 81, 90)
  const said = await recordAll(spool, backup)
  expect(await inFiles(backup)).toEqual({ recorded: { e1: 90 - gone }, gaps: gone, wrong: 0 })
  const told = 'warning gap: observatory.counter.feeds.counts: rows 51 to 80 are lost: gone from the spool'
  expect(said.filter((text) => text.includes(' gap: '))).toEqual(gone > 0 ? [told] : [])
  await spool.close(UNHURRIED_MS)
})

test('a spool restored from a backup doubles nothing, and the agent goes on behind it', async () => {
  const dir = join(folder(), 'data')
  const path = join(folder(), 'counter.sqlite')
  let spool = new Spool(path)
  await fill(spool, 'e1', 1, 50)
  await recordAll(spool, dir)
  await fill(spool, 'e1', 51, 60)
  await spool.close(UNHURRIED_MS)
  const backup = join(folder(), 'counter.sqlite')
  cpSync(path, backup)
  spool = new Spool(path)
  await fill(spool, 'e2', 1, 40)
  await recordAll(spool, dir)
  await spool.close(UNHURRIED_MS)
  // Of the backup the recorder has everything already; of epoch e2 it does not know.
  spool = new Spool(backup)
  await fill(spool, 'e3', 1, 20)
  const said = await recordAll(spool, dir)
  expect(await inFiles(dir)).toEqual({ recorded: { e1: 60, e2: 40, e3: 20 }, gaps: 0, wrong: 0 })
  expect(said).toEqual([])
  await spool.close(UNHURRIED_MS)
})

test('weeks without a recorder: every row waits in its agent, and goes into files of its own time', async () => {
  const dir = join(folder(), 'data')
  const path = join(folder(), 'counter.sqlite')
  const today = Math.floor(now())
  // The agent is restarted every day, and lets go of what it may each time.
  for (let day = 25; day >= 0; day--) {
    const spool = new Spool(path)
    await fill(spool, `day${day}`, 1, 40, today - day * 86_400)
    spool.tidy()
    await spool.close(UNHURRIED_MS)
  }
  const spool = new Spool(path)
  expect(spool.unrecorded('counts')).toBe(26 * 40)
  await recordAll(spool, dir)
  const { recorded, gaps, wrong } = await inFiles(dir)
  expect([
    Object.keys(recorded).length,
    Object.values(recorded).every((rows) => rows === 40),
    gaps,
    wrong,
  ]).toEqual([26, true, 0, 0])
  const names = [...new Bun.Glob('*/*.g3').scanSync(dir)].map((file) => Number(file.slice(6, 16))).sort()
  expect(new Set(names.map((name) => Math.round((today - name) / 86_400))).size).toBe(26)
  await spool.close(UNHURRIED_MS)
})

test('more than the spool may hold: what went is counted by the agent, and a gap in the files', async () => {
  const dir = join(folder(), 'data')
  const spool = new Spool(join(folder(), 'counter.sqlite'), { quota: 256 << 10 })
  for (let n = 0; n < 20; n++) await fill(spool, 'e1', n * 500 + 1, n * 500 + 500)
  expect(spool.dropped).toBeGreaterThan(1000)
  await recordAll(spool, dir)
  expect(await inFiles(dir)).toEqual({
    recorded: { e1: 10_000 - spool.dropped },
    gaps: spool.dropped,
    wrong: 0,
  })
  await spool.close(UNHURRIED_MS)
})

test.each([
  ['that stood still', true],
  ['that was started again', false],
])('of rows that went with their spool a recorder %s does not say that there were none', async (_, stood) => {
  const dir = join(folder(), 'data')
  const path = join(folder(), 'counter.sqlite')
  let recorder = await recording(dir)
  // What is known of epochs stands in the head of each new file: each begins one.
  let begin = BEGIN - 86_400
  const record = async (epoch: string, rows: number, more = 0) => {
    begin += 7200
    const spool = new Spool(path)
    await fill(spool, epoch, 1, rows, begin)
    await recorder.all(spool)
    if (more > 0) await fill(spool, epoch, rows + 1, rows + more, begin)
    await spool.close(UNHURRIED_MS)
    if (stood) return
    await recorder[Symbol.asyncDispose]()
    recorder = await recording(dir)
  }
  await record('e1', 12, 7)
  rmSync(path)
  await record('e2', 10)
  // Where an epoch ended its agent says when it begins the next.
  await record('e3', 5)
  await recorder[Symbol.asyncDispose]()
  const { epochs } = await audit(disk, dir)
  expect(epochs.map(({ epoch, recorded, unknown }) => [epoch, recorded, unknown === null])).toEqual([
    ['e1', 12, false],
    ['e2', 10, true],
    ['e3', 5, false],
  ])
})

test('a spool restored from a backup does not say where an epoch ended of which more is recorded', async () => {
  const dir = join(folder(), 'data')
  const path = join(folder(), 'counter.sqlite')
  await using recorder = await recording(dir)
  let spool = new Spool(path)
  await fill(spool, 'e1', 1, 20, BEGIN - 7200)
  await spool.close(UNHURRIED_MS)
  const backup = join(folder(), 'counter.sqlite')
  cpSync(path, backup)
  spool = new Spool(path)
  await fill(spool, 'e1', 21, 30, BEGIN - 7200)
  await recorder.all(spool)
  await spool.close(UNHURRIED_MS)
  spool = new Spool(backup)
  await fill(spool, 'e2', 1, 5)
  await recorder.all(spool)
  await spool.close(UNHURRIED_MS)
  expect((await audit(disk, dir)).epochs).toMatchObject([
    { epoch: 'e1', recorded: 30, missing: [], unknown: expect.any(String) },
    { epoch: 'e2', recorded: 5 },
  ])
})
