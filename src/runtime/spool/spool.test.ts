import { Database } from 'bun:sqlite'
import { afterEach, expect, jest, test } from 'bun:test'
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { seeded } from '../../../test/random.ts'
import { temporary } from '../../../test/temporary.ts'
import { UNHURRIED_MS } from '../../../test/turns-clock.ts'
import type { Row } from '../../core/channels.ts'
import { count, counts } from '../counts.test-aid.ts'
import { Spool } from './spool.ts'
import { commit, openSpoolFile } from './spool-file.ts'

afterEach(() => {
  jest.useRealTimers()
})
const MOST = 262_144
const HOUR_MS = 3_600_000

/** Opens a spool and collects its reports. */
function open(path: string, options = {}) {
  const spool = new Spool(path, options)
  const rows: Row[] = []
  const troubles: string[] = []
  spool.listen(
    (_, more) => rows.push(...more.map(({ row }) => row)),
    (text) => troubles.push(text),
  )
  return { spool, rows, troubles }
}

/** Appends `n` rows of an epoch, numbered from 1. */
function fill(spool: Spool, epoch: string, n: number, t?: number): void {
  for (let i = 1; i <= n; i++) spool.append('counts', counts, count(epoch, i, t))
}

/** All that a spool holds of an epoch, with its gaps. */
function drain(spool: Spool, epoch: string, from = 1, maxBytes = MOST) {
  const seqs: number[] = []
  const gaps: [number, number][] = []
  for (let next = from; ; ) {
    const answer = spool.read('counts', epoch, next, maxBytes)
    if (answer?.gap) gaps.push([answer.gap.from, answer.gap.to])
    seqs.push(...(answer?.rows.map(({ seq = 0 }) => seq) ?? []))
    if (!answer || answer.next > answer.head) return { seqs, gaps }
    next = answer.next
  }
}
const upTo = (n: number, from = 1) => Array.from({ length: n - from + 1 }, (_, i) => from + i)

/** Makes the disk refuse every change of rows until `heal`, as a full disk does. */
function refusing(path: string) {
  const db = new Database(path)
  db.run(
    `CREATE TRIGGER full BEFORE INSERT ON rows BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`,
  )
  return () => {
    db.run('DROP TRIGGER full')
    db.close()
  }
}

test('rows come back in order over a restart, with their declaration, and an epoch names the one before', async () => {
  const path = temporary('spool.sqlite')
  const first = open(path)
  fill(first.spool, 'e1', 1000)
  await first.spool.flush()
  expect(first.rows.map(({ seq }) => seq)).toEqual(upTo(1000))
  await first.spool.close(UNHURRIED_MS)
  await first.spool.close(UNHURRIED_MS)
  const { spool } = open(path)
  fill(spool, 'e2', 3)
  await spool.flush()
  expect(spool.id).toBe(first.spool.id)
  expect(spool.held('counts')).toEqual([
    { epoch: 'e1', first: 1, last: 1000, acked: 0 },
    { epoch: 'e2', first: 1, last: 3, acked: 0 },
  ])
  expect(drain(spool, 'e1', 1, 1)).toEqual({ seqs: upTo(1000), gaps: [] })
  expect(spool.read('counts', 'e2', 1, MOST)).toMatchObject({
    declaration: counts,
    previous: { epoch: 'e1', last: 1000 },
    next: 4,
    head: 3,
  })
  await spool.close(UNHURRIED_MS)
})

test('an epoch that is not held is answered all the same', async () => {
  const { spool } = open(temporary('spool.sqlite'))
  expect(spool.read('counts', 'gone', 7, MOST)).toEqual({
    feed: 'counts',
    epoch: 'gone',
    rows: [],
    next: 7,
    head: 6,
  })
  await spool.close(UNHURRIED_MS)
})

test('a second process is refused, and the file of a newer version is left alone', async () => {
  const path = temporary('spool.sqlite')
  const { spool } = open(path)
  expect(() => new Spool(path)).toThrow(
    'is in use by this process itself: this instance already runs on this machine',
  )
  await spool.close(UNHURRIED_MS)
  const db = new Database(path)
  db.run('PRAGMA user_version = 7')
  db.close()
  const before = readFileSync(path)
  expect(() => new Spool(path)).toThrow('has version 7, from a newer ocs; this one knows 1')
  expect(readFileSync(path)).toEqual(before)
})

test.each([
  ['no database at all', (bytes: Buffer) => bytes.fill('x')],
  ['pages that are overwritten', (bytes: Buffer) => bytes.fill(0xaa, 8192)],
  ['half a file', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
])('a damaged file is set aside and said so: %s', async (_, damage) => {
  const path = temporary('spool.sqlite')
  const { spool } = open(path)
  fill(spool, 'e1', 2000)
  await spool.close(UNHURRIED_MS)
  const broken = damage(readFileSync(path))
  writeFileSync(path, broken)
  const again = open(path)
  expect(again.troubles).toHaveLength(1)
  expect(again.troubles[0]).toContain('the spool was damaged: it is kept as')
  expect(again.spool.counters['spools_set_aside']).toBe(1)
  expect(again.spool.id).not.toBe(spool.id)
  fill(again.spool, 'e2', 2)
  await again.spool.flush()
  expect(drain(again.spool, 'e2').seqs).toEqual([1, 2])
  await again.spool.close(UNHURRIED_MS)
  const kept = readdirSync(dirname(path)).find((name) => /\.broken-[\dTZ]+$/.test(name)) ?? ''
  expect(readFileSync(`${dirname(path)}/${kept}`)).toEqual(Buffer.from(broken))
})

/** Makes a spool delete the rows that it may. */
async function look(spool: Spool): Promise<void> {
  spool.tidy()
  await spool.flush()
}

test('recorded rows go after an hour, ended epochs with them; the newest epoch and unrecorded rows stay', async () => {
  const path = temporary('spool.sqlite')
  const { spool } = open(path)
  fill(spool, 'e1', 10)
  fill(spool, 'e2', 10)
  fill(spool, 'e3', 10)
  await spool.flush()
  spool.acknowledge('counts', 'e1', 10)
  spool.acknowledge('counts', 'e2', 4)
  spool.acknowledge('counts', 'e3', 99)
  await spool.close(UNHURRIED_MS)
  let passed = 0
  const again = open(path, { now: () => passed }).spool
  await again.flush()
  // Rows found at the start are kept for an hour from then.
  expect(drain(again, 'e1').seqs).toEqual(upTo(10))
  passed = HOUR_MS
  await look(again)
  expect(again.held('counts')).toEqual([{ epoch: 'e2', first: 5, last: 10, acked: 4 }])
  expect(drain(again, 'e2')).toEqual({ seqs: upTo(10, 5), gaps: [[1, 4]] })
  expect(again.read('counts', 'e3', 11, MOST)).toMatchObject({ head: 10, rows: [] })
  fill(again, 'e4', 1)
  await again.flush()
  expect(again.read('counts', 'e4', 1, MOST)?.previous).toEqual({ epoch: 'e3', last: 10 })
  await again.close(UNHURRIED_MS)
})

test('within the hour recorded rows stay, whatever their times, and whoever sets the clock', async () => {
  let passed = 0
  const { spool } = open(temporary('spool.sqlite'), { now: () => passed })
  fill(spool, 'e1', 10, 1000)
  await spool.flush()
  fill(spool, 'e2', 10, Date.now() / 1000 + 86_400)
  spool.acknowledge('counts', 'e1', 10)
  await spool.flush()
  spool.acknowledge('counts', 'e2', 10)
  passed = HOUR_MS - 1
  await look(spool)
  expect([drain(spool, 'e1').seqs, drain(spool, 'e2').seqs]).toEqual([upTo(10), upTo(10)])
  // A mark per minute: all rows of that time are deleted this much later.
  passed += HOUR_MS
  await look(spool)
  expect([drain(spool, 'e1').seqs, drain(spool, 'e2').seqs]).toEqual([[], []])
  await spool.close(UNHURRIED_MS)
})

test('beyond the quota the oldest rows go, recorded ones first, and are counted', async () => {
  const quota = 256 << 10
  const { spool, troubles } = open(temporary('spool.sqlite'), { quota })
  fill(spool, 'old', 1000)
  await spool.flush()
  spool.acknowledge('counts', 'old', 200)
  for (let n = 1; n <= 20; n++) {
    fill(spool, 'new', 500)
    await spool.flush()
  }
  const [oldest] = spool.held('counts')
  expect(oldest?.epoch === 'old' ? oldest.first : 1001).toBeGreaterThan(200)
  const held = [...drain(spool, 'old').seqs, ...drain(spool, 'new').seqs].length
  expect(spool.dropped).toBe(11_000 - 200 - held)
  expect(spool.dropped).toBeGreaterThan(1000)
  expect(spool.counters['dropped']).toBe(spool.dropped)
  expect(troubles).toHaveLength(1)
  expect(troubles[0]).toContain('the oldest rows are dropped before they are recorded')
  // Deleted rows are reported as a gap, also for an epoch that is gone completely.
  expect(drain(spool, 'old').gaps.flat()).toContain(1)
  const used = openSpoolFile(spool.path)
  const { rows } = used.query('SELECT sum(length(body)) AS rows FROM rows').get() as { rows: number }
  used.close()
  expect(rows).toBeLessThan(quota)
  await spool.close(UNHURRIED_MS)
})

/** Resolves once a condition holds; it is checked at each turn of the event loop. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
/** Advances the time that a test has stopped until a promise is settled. */
async function passing(promise: Promise<unknown>): Promise<void> {
  let over = false
  void promise.finally(() => {
    over = true
  })
  await until(() => {
    jest.advanceTimersByTime(25)
    return over
  })
}

test('a disk that refuses: rows are held in memory, go out after 5 s, and are spooled when it takes them', async () => {
  const path = temporary('spool.sqlite')
  const { spool, rows, troubles } = open(path)
  fill(spool, 'e1', 3)
  await spool.flush()
  const heal = refusing(path)
  jest.useFakeTimers()
  spool.append('counts', counts, count('e1', 4))
  const flushed = spool.flush()
  // The write has failed once, and a timer is set for the next attempt; a flush must not replace it.
  await until(() => jest.getTimerCount() > 0)
  const attempt = async () => {
    jest.advanceTimersByTime(500)
    await until(() => jest.getTimerCount() > 0)
  }
  for (let seconds = 0.5; seconds <= 5; seconds += 0.5) {
    await attempt()
    expect([seconds, rows.length]).toEqual([seconds, 3])
  }
  await attempt()
  expect(rows[3]).toMatchObject({ seq: 4, data: { n: [4] } })
  // Requests are answered from memory.
  expect(spool.held('counts')).toMatchObject([{ first: 1, last: 4, acked: 0 }])
  expect(drain(spool, 'e1')).toEqual({ seqs: [1, 2, 3, 4], gaps: [] })
  heal()
  await passing(flushed)
  fill(spool, 'e1', 2)
  await passing(spool.flush())
  expect(rows.map(({ seq }) => seq)).toEqual(upTo(6))
  expect(spool.counters).toMatchObject({ unspooled: 0, spool_failures: 1 })
  expect(troubles).toEqual([
    `the spool cannot be written: database or disk is full (${path})`,
    'the spool can be written again',
  ])
  await spool.close(UNHURRIED_MS)
  const again = open(path).spool
  expect(drain(again, 'e1')).toEqual({ seqs: upTo(6), gaps: [] })
  await again.close(UNHURRIED_MS)
})

test('while the disk refuses memory holds 16 MiB: what is recorded goes first, then the oldest, as a gap', async () => {
  const path = temporary('spool.sqlite')
  const { spool, rows } = open(path)
  fill(spool, 'e1', 3)
  await spool.flush()
  const heal = refusing(path)
  // Time stands still, so rows are published only because of their number.
  jest.useFakeTimers()
  // The first row is the batch that is refused; the others wait behind it.
  const wide = (n: number) =>
    spool.append('counts', counts, { ...count('e1', n), data: { n: [n], s: ['x'.repeat(1e6)] } })
  wide(4)
  void spool.flush()
  await until(() => spool.waiting.failing)
  for (let n = 5; n <= 20; n++) wide(n)
  expect(spool.counters['unspooled']).toBe(0)
  // Half of the rows have been published: a recorder that has all so far, and keeps up, loses nothing.
  for (let n = 21; n <= 60; n++) {
    spool.acknowledge('counts', 'e1', n - 1)
    wide(n)
  }
  spool.acknowledge('counts', 'e1', 60)
  expect(spool.counters['unspooled']).toBe(0)
  // Then the recorder is gone.
  for (let n = 61; n <= 80; n++) wide(n)
  const lost = Number(spool.counters['unspooled'])
  expect(lost).toBe(9)
  expect(rows.map(({ seq }) => seq)).toEqual(upTo(rows.length))
  // An acknowledgement of a row that has not been published does not count.
  const { acked = 0 } = spool.held('counts')[0] ?? {}
  expect(acked).toBe(58)
  const answers = drain(spool, 'e1', acked + 1)
  expect(answers.gaps).toEqual([[acked + 1, acked + lost]])
  expect(answers.seqs.at(-1)).toBe(rows.length)
  heal()
  await passing(spool.flush())
  const after = drain(spool, 'e1', acked + 1)
  expect(after.seqs).toEqual(upTo(80).slice(acked + lost))
  expect(after.gaps).toEqual(answers.gaps)
  await spool.close(UNHURRIED_MS)
})

test('what the disk has not taken when the agent stops goes out all the same', async () => {
  const { spool, rows, troubles } = open(temporary('spool.sqlite'))
  fill(spool, 'e1', 3)
  await spool.flush()
  refusing(spool.path)
  fill(spool, 'e1', 2)
  await spool.close(50)
  expect(rows.map(({ seq }) => seq)).toEqual(upTo(5))
  expect(troubles.at(-1)).toBe('the spool could not be written to the end: 2 rows may be lost')
})

test('an epoch of which every row is lost is still told, until that is recorded', async () => {
  const path = temporary('spool.sqlite')
  const first = open(path).spool
  fill(first, 'lost', 5)
  await first.flush()
  await first.close(UNHURRIED_MS)
  const db = new Database(path)
  db.run('DELETE FROM rows')
  db.close()
  const { spool } = open(path)
  fill(spool, 'e2', 1)
  await spool.flush()
  expect(spool.held('counts')[0]).toEqual({ epoch: 'lost', first: 1, last: 5, acked: 0 })
  expect(drain(spool, 'lost')).toEqual({ seqs: [], gaps: [[1, 5]] })
  spool.acknowledge('counts', 'lost', 5)
  await spool.close(UNHURRIED_MS)
  const again = open(path).spool
  again.tidy()
  await again.flush()
  expect(again.held('counts').map(({ epoch }) => epoch)).toEqual(['e2'])
  await again.close(UNHURRIED_MS)
})

test('of very many epochs the oldest that are not recorded and the newest are listed', async () => {
  const { spool } = open(temporary('spool.sqlite'))
  for (let n = 1; n <= 5000; n++) spool.append('counts', counts, count(`e${n}`, n))
  await spool.flush()
  for (let n = 1; n <= 1000; n++) if (n !== 500) spool.acknowledge('counts', `e${n}`, 1)
  const held = spool.held('counts')
  expect(held).toHaveLength(100)
  expect(held.map(({ epoch }) => epoch)).toEqual([
    'e500',
    ...upTo(1079, 1001).map((n) => `e${n}`),
    ...upTo(5000, 4981).map((n) => `e${n}`),
  ])
  expect(held.filter(({ skipped }) => skipped)).toEqual([
    { epoch: 'e4981', first: 1, last: 1, acked: 0, skipped: 3901 },
  ])
  await spool.close(UNHURRIED_MS)
})

test('rows since a time, whether or not rows are missing before and after', async () => {
  const path = temporary('spool.sqlite')
  const first = open(path).spool
  for (let n = 1; n <= 1000; n++) first.append('counts', counts, count('e1', n, n))
  await first.flush()
  await first.close(UNHURRIED_MS)
  const random = seeded(1)
  const db = new Database(path)
  const gone = new Set(upTo(1000).filter(() => random() < 0.3))
  for (const seq of gone) db.run('DELETE FROM rows WHERE seq = ?', [seq])
  db.close()
  const { spool } = open(path)
  for (let n = 0; n < 200; n++) {
    const since = random() * 1010
    const wanted = upTo(1000).find((seq) => seq >= since && !gone.has(seq))
    const answer = spool.read('counts', 'e1', 1, MOST, since)
    expect(answer?.rows[0]?.seq, `since ${since}`).toBe(wanted as number)
  }
  await spool.close(UNHURRIED_MS)
})

test('a batch that is committed twice changes nothing', () => {
  const db = openSpoolFile(temporary('spool.sqlite'))
  const begin = [
    { id: 1, feed: 'f', epoch: 'e', declaration: '{}', previous: null, last: 0, acked: 0 },
  ] as const
  const rows = [[1, 1, 0, '{}']] as const
  const batch = { begin, rows, touch: [[1, 1, 0]] as const, prune: [], limit: 400, quota: 1 << 30 }
  const all = () =>
    JSON.stringify([db.query('SELECT * FROM rows').all(), db.query('SELECT * FROM epochs').all()])
  commit(db, batch)
  const once = all()
  commit(db, batch)
  expect(all()).toBe(once)
  db.close()
})

test('rows that come within 25 ms of a commit share the next', async () => {
  const { spool } = open(temporary('spool.sqlite'))
  const commits: number[] = []
  spool.listen(
    (_, rows) => commits.push(rows.length),
    () => {},
  )
  jest.useFakeTimers()
  // After a pause no timer is needed: a row is committed in the turn after its own.
  fill(spool, 'e1', 1)
  await until(() => commits.length === 1)
  for (let ms = 1; ms < 25; ms++) {
    fill(spool, 'e1', 10)
    jest.advanceTimersByTime(1)
  }
  fill(spool, 'e1', 10)
  jest.advanceTimersByTime(1)
  await until(() => commits.length === 2)
  expect(commits).toEqual([1, 250])
  jest.useRealTimers()
  await spool.close(UNHURRIED_MS)
})

test('20 × kill -9: every row that was said to be on disk is there', async () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(1e6 * Math.random()))
  const random = seeded(seed)
  const path = temporary('spool.sqlite')
  const printed = new Map<string, Set<number>>()
  const script = new URL('./append.test-aid.ts', import.meta.url).pathname
  for (let kill = 1; kill <= 20; kill++) {
    const child = Bun.spawn([process.execPath, script, path, `e${kill}`], {
      stdout: 'pipe',
      stderr: 'inherit',
    })
    const reader = child.stdout.getReader()
    let text = ''
    let left = 1 + Math.floor(10 * random())
    for (;;) {
      const { value, done } = await reader.read()
      if (done) break
      text += new TextDecoder().decode(value)
      if (--left === 0) child.kill(9)
    }
    await child.exited
    for (const line of text.split('\n').slice(0, -1)) {
      const [epoch = '', seq, n] = line.split(' ')
      expect(n).toBe(seq as string)
      printed.set(epoch, (printed.get(epoch) ?? new Set()).add(Number(seq)))
    }
  }
  const { spool, troubles } = open(path)
  expect(troubles).toEqual([])
  expect(printed.size, `seed ${seed}`).toBe(20)
  for (const [epoch, seqs] of printed) {
    const { seqs: there, gaps } = drain(spool, epoch)
    expect(gaps, `seed ${seed}`).toEqual([])
    expect(there, `seed ${seed}`).toEqual(upTo(there.length))
    expect([...seqs], `seed ${seed}`).toEqual(upTo(seqs.size))
    expect(there.length, `seed ${seed}`).toBeGreaterThanOrEqual(seqs.size)
  }
  await spool.close(UNHURRIED_MS)
})

test('a spool whose file is moved or removed says so once, and counts it', async () => {
  for (const end of [(path: string) => renameSync(path, `${path}.moved`), (path: string) => rmSync(path)]) {
    const path = temporary('spool.sqlite')
    let now = 0
    const { spool, troubles } = open(path, { now: () => now })
    fill(spool, 'e1', 3)
    await spool.flush()
    end(path)
    for (const later of [2000, 4000]) {
      now = later
      fill(spool, 'e1', 1)
      await spool.flush()
    }
    expect(troubles).toEqual([expect.stringContaining('has been moved or removed')])
    expect(spool.counters['spool_failures']).toBe(1)
    // Rows can still be read while the agent lives.
    expect(drain(spool, 'e1').seqs).toEqual(upTo(5))
    await spool.close(UNHURRIED_MS)
  }
})

/** The worker threads of this process. */
const workers = () =>
  readdirSync('/proc/self/task').filter((task) => {
    try {
      return readFileSync(`/proc/self/task/${task}/comm`, 'utf8') === 'Worker\n'
    } catch {
      return false
    }
  }).length

test('the spools of a process share a thread, and one that closes leaves it to the others', async () => {
  const [first, second] = [open(temporary('first.sqlite')), open(temporary('second.sqlite'))]
  fill(first.spool, 'a', 3)
  await first.spool.flush()
  const before = workers()
  fill(second.spool, 'a', 3)
  await second.spool.flush()
  expect(workers()).toBeLessThanOrEqual(before)
  await first.spool.close()
  fill(second.spool, 'b', 3)
  await second.spool.flush()
  expect(second.rows).toHaveLength(6)
  expect(drain(second.spool, 'b').seqs).toEqual([1, 2, 3])
  await second.spool.close()
})
