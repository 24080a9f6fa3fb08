import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TransportError } from '../core/errors.ts'
import { fakeClock } from './clock.test-aid.ts'
import { openLine } from './open.ts'
import { openPty } from './pty.test-aid.ts'
import { keepConnected, type RunContext } from './reconnecting.ts'
import { idn } from './server.test-aid.ts'

/** A connection that can be lost by hand. */
function connection() {
  const over = new AbortController()
  return {
    closed: over.signal,
    closes: 0,
    lose: (reason: string) => over.abort(new TransportError(reason)),
    async close() {
      this.closes++
    },
  }
}
const untilOver = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))

test('tries for ever, first soon and then every 30 s, and says each reason', async () => {
  const owner = new AbortController()
  const clock = fakeClock()
  const reasons: string[] = []
  await keepConnected({
    connect: () => Promise.reject(new TransportError(`try ${clock.slept.length}`)),
    run: () => Promise.reject(new Error('never connected')),
    degraded: (reason) => {
      reasons.push(reason.message)
      if (reasons.length === 11) owner.abort()
    },
    recovered: () => expect.unreachable(),
    signal: owner.signal,
    clock,
  })
  expect(clock.slept).toEqual([250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
  expect(reasons[10]).toBe('try 10')
})

test('a loss degrades with its reason; the first reading recovers and makes the next delay short', async () => {
  const owner = new AbortController()
  const delays: number[] = []
  const clock = {
    now: () => 0,
    // The guard for a connection that lasts never comes to its end here.
    sleep: (ms: number, signal: AbortSignal) => {
      if (ms === 10_000) return untilOver(signal)
      delays.push(ms)
      now += ms
      return Promise.resolve()
    },
  }
  let now = 0
  clock.now = () => now
  const log: string[] = []
  const connections: ReturnType<typeof connection>[] = []
  await keepConnected({
    connect: async () => {
      const made = connection()
      connections.push(made)
      return made
    },
    run: async (made, { working, signal }: RunContext) => {
      const turn = connections.length
      if (turn === 3) working()
      if (turn === 5) return owner.abort()
      made.lose(`lost ${turn}`)
      expect(signal.aborted).toBe(true)
      throw new Error('a query was cut')
    },
    degraded: (reason) => log.push(reason.message),
    recovered: () => log.push('recovered'),
    signal: owner.signal,
    clock,
  })
  expect(log).toEqual(['lost 1', 'lost 2', 'recovered', 'lost 3', 'lost 4'])
  expect(delays).toEqual([250, 500, 250, 500])
  expect(connections.map(({ closes }) => closes)).toEqual([1, 1, 1, 1, 1])
})

test('a connection that lasts has recovered without any reading', async () => {
  const owner = new AbortController()
  const made = connection()
  let tries = 0
  await keepConnected({
    connect: async () => {
      if (tries++ === 0) throw new TransportError('not yet')
      return made
    },
    run: (_, { signal }) => untilOver(signal),
    degraded: () => {},
    recovered: () => owner.abort(),
    signal: owner.signal,
    clock: fakeClock(),
  })
  expect(made.closes).toBe(1)
})

test('a bug is not tried again, and a run that returns is the end', async () => {
  const plan = {
    connect: async () => connection(),
    degraded: () => expect.unreachable(),
    recovered: () => expect.unreachable(),
    signal: new AbortController().signal,
  }
  await expect(keepConnected({ ...plan, run: () => Promise.reject(new TypeError('bug')) })).rejects.toThrow(
    'bug',
  )
  await keepConnected({ ...plan, run: async () => {} })
})

test('a port that re-appears is tried at once, whatever the delay', async () => {
  const owner = new AbortController()
  const path = join(mkdtempSync(join(tmpdir(), 'port-')), 'ttyUSB0')
  const tried: number[] = []
  const clock = fakeClock((now) => {
    if (now >= 70_000) writeFileSync(path, '')
  })
  await keepConnected({
    connect: async () => {
      tried.push(clock.now())
      throw new TransportError('no')
    },
    run: async () => {},
    degraded: () => {
      if (clock.now() >= 70_000) owner.abort()
    },
    recovered: () => {},
    signal: owner.signal,
    watch: () => path,
    clock,
  })
  expect(tried.at(-2)).toBe(61_750)
  expect(tried.at(-1)).toBeLessThanOrEqual(70_500)
  rmSync(path)
})

test('a pulled cable that is put back resumes within 2 s', async () => {
  const answer = (line: string, { write }: { write(text: string): void }) => {
    if (line !== '') write(line === '*IDN?' ? `${idn}\r\n` : '+77.35\r\n')
  }
  let pty = openPty(answer)
  const owner = new AbortController()
  const readings: number[] = []
  let lostAt = 0
  let back = 0
  await keepConnected({
    connect: (signal) => openLine(pty.path, { gap: 0, signal }),
    run: async (link, { signal, working }) => {
      while (!signal.aborted) {
        readings.push(await link.number('KRDG? 1'))
        working()
        if (lostAt > 0) return owner.abort()
        if (readings.length === 20) void pty.unplug()
      }
    },
    degraded: (reason) => {
      if (lostAt > 0) return
      lostAt = performance.now()
      expect(reason.message).toContain('is gone')
      setTimeout(() => {
        pty = openPty(answer)
        back = performance.now()
      }, 300)
    },
    recovered: () => {},
    signal: owner.signal,
    watch: () => pty.path,
  })
  expect(performance.now() - back).toBeLessThan(2000)
  expect(readings.every((reading) => reading === 77.35)).toBe(true)
  await pty.unplug()
})
