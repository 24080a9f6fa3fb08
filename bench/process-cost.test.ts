import { expect, test } from 'bun:test'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpuSeconds, marked, memory, mostMemory, parseRollup, parseStat, tree } from './process-cost.ts'

/** Not a process: Linux uses numbers below 2²². */
const NOBODY = 2 ** 22

test('a line of stat, whatever the program is called', () => {
  const line = '42 (a) b (c) S 7 42 42 0 -1 4194560 100 0 0 0 250 50 30 20 20 0 5 0 1 2 3'
  expect(parseStat(line)).toEqual({ parent: 7, children: 0.5 })
})

test('what a process uses between two looks is counted, and not in hundredths of a second', () => {
  const [before, after] = [cpuSeconds([process.pid]), cpuSeconds([process.pid])]
  expect(after).toBeGreaterThan(before)
  expect(after - before).toBeLessThan(0.01)
})

test('what a process has to itself is clean and dirty', () => {
  const text =
    'x [rollup]\nRss:   2000 kB\nPss:   1000 kB\nPss_Dirty: 9 kB\nPrivate_Clean: 100 kB\nPrivate_Dirty: 300 kB\n'
  const { rss, pss, private: own } = parseRollup(text)
  expect([rss, pss]).toEqual([2.048, 1.024])
  expect(own).toBeCloseTo(0.4096, 9)
})

test('a tree holds grandchildren, and no strangers', () => {
  const parents = new Map([
    [10, 1],
    [11, 10],
    [12, 11],
    [20, 1],
  ])
  expect(tree(10, parents)).toEqual([10, 11, 12])
})

test('a process that works costs its time and memory, its children included, and is found by its mark', async () => {
  const mark = crypto.randomUUID()
  const busy =
    'const end = Date.now() + 300; while (Date.now() < end); console.log("done"); setInterval(() => {}, 9e6)'
  const child = spawn('sh', ['-c', '"$0" -e "$1"; true', process.execPath, busy], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, BENCH_TEST: mark },
  })
  try {
    await once(child.stdout, 'data')
    const pid = child.pid ?? 0
    expect(tree(pid)).toHaveLength(2)
    expect(marked('BENCH_TEST', mark)).toEqual(tree(pid))
    const used = cpuSeconds([pid])
    // Another process may have the processor in between, and two cores may work for this one.
    expect(used).toBeGreaterThan(0.02)
    expect(used).toBeLessThan(5)
    const { rss, pss, private: own } = memory([pid])
    expect(rss).toBeGreaterThan(10)
    expect(pss).toBeLessThanOrEqual(rss)
    expect(own).toBeLessThanOrEqual(pss)
    // A root given twice, or a child given with its parent, is counted once.
    expect(memory(tree(pid)).rss).toBeCloseTo(rss, -1)
  } finally {
    for (const pid of tree(child.pid ?? 0)) process.kill(pid, 'SIGKILL')
  }
})

test('the most memory of a process is that of its own program, and stays when less is used', async () => {
  const script = 'console.log("up"); setInterval(() => {}, 9e6)'
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    await once(child.stdout, 'data')
    const pid = child.pid ?? 0
    const { rss } = memory([pid])
    // The kernel counts it in batches of pages.
    expect(mostMemory(pid)).toBeGreaterThan(0.9 * rss)
    // This process, which started it, has more.
    expect(mostMemory(pid)).toBeLessThan(mostMemory(process.pid))
  } finally {
    child.kill('SIGKILL')
  }
  expect(mostMemory(NOBODY)).toBe(0)
})

test('a process that is gone costs nothing', () => {
  expect(cpuSeconds([NOBODY])).toBe(0)
  expect(memory([NOBODY])).toEqual({ rss: 0, pss: 0, private: 0 })
})
