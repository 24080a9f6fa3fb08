/** A spool on a disk that fills up and is freed again, over and over; needs root, for a small disk of its own. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FeedDeclaration, Row } from '../../src/core/channels.ts'
import { Spool } from '../../src/runtime/spool.ts'
import { figure, until } from './roles.ts'

setDefaultTimeout(120_000)

const CYCLES = 5
const counts: FeedDeclaration = {
  agent_class: 'CounterAgent',
  record: true,
  frame_length: 300,
  blocks: { count: { n: { type: 'int' } } },
}
let disk = ''
beforeAll(() => {
  disk = mkdtempSync(join(tmpdir(), 'ocs-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', disk])
})
afterAll(() => {
  execFileSync('umount', [disk])
  rmdirSync(disk)
})

/** Takes all that is left of the disk. */
function fill(): void {
  for (let size = 1 << 20; size >= 512; size /= 2) {
    for (let n = 0; ; n++) {
      try {
        writeFileSync(join(disk, `fill-${size}-${n}`), Buffer.alloc(size), { flag: 'wx' })
      } catch {
        break
      }
    }
  }
}
const free = () => execFileSync('sh', ['-c', `rm -f ${disk}/fill-*`])

test(`${CYCLES} × disk full: rows are held or go out as a gap, spooling goes on once there is room`, async () => {
  let spool = new Spool(join(disk, 'spool.sqlite'))
  const seen: Row[] = []
  const troubles: string[] = []
  const listen = () =>
    spool.listen(
      (_, rows) => seen.push(...rows),
      (text) => troubles.push(text),
    )
  listen()
  let n = 0
  const writing = setInterval(() => {
    n++
    // Large rows, so that the log on disk has no room left for them.
    const data = { n: [n], text: ['x'.repeat(5000)] }
    spool.append('counts', counts, { epoch: 'e1', block: 'count', t: [Date.now() / 1000], data })
    spool.acknowledge('counts', 'e1', n - 50)
  }, 20)
  const resumed: number[] = []
  for (let cycle = 1; cycle <= CYCLES; cycle++) {
    await until('rows are spooled', 10, () => seen.at(-1)?.seq !== undefined && !spool.waiting.failing)
    fill()
    await until('the disk is full', 20, () => spool.waiting.failing)
    const before = spool.unspooled
    await until('rows go out without a number', 10, () => spool.unspooled > before)
    free()
    const began = performance.now()
    await until('rows are spooled again', 10, () => !spool.waiting.failing)
    resumed.push(Math.round(performance.now() - began))
  }
  clearInterval(writing)
  await spool.close()
  spool = new Spool(join(disk, 'spool.sqlite'))
  const again: string[] = []
  spool.listen(
    () => {},
    (text) => again.push(text),
  )
  expect(again).toEqual([])
  const there = new Set<number>()
  const gaps = new Set<number>()
  for (let next = 1; ; ) {
    const answer = spool.read('counts', 'e1', next, 262_144)
    for (const { seq = 0 } of answer?.rows ?? []) there.add(seq)
    for (let seq = answer?.gap?.from ?? 1; seq <= (answer?.gap?.to ?? 0); seq++) gaps.add(seq)
    if (!answer || answer.next > answer.head) break
    next = answer.next
  }
  const numbered = seen.flatMap(({ seq }) => seq ?? [])
  expect(numbered.filter((seq) => !there.has(seq))).toEqual([])
  expect(there.size + gaps.size).toBe(n)
  expect(gaps.size).toBe(seen.filter(({ seq }) => seq === undefined).length)
  expect(Math.max(...resumed)).toBeLessThan(5000)
  figure(
    `${CYCLES} times full: ${there.size} rows on disk, ${gaps.size} went out as gaps, spooled again after ${resumed.join(', ')} ms`,
  )
  await spool.close()
  rmSync(join(disk, 'spool.sqlite'))
})
