import { expect, test } from 'bun:test'
import type { Bench, Bencher } from './bench.ts'
import { ratioMost } from './goal.ts'
import { endAll } from './lab.ts'
import { measuredRows, runBench } from './runner.ts'
import { lineOf } from './table.ts'

const bench = (run: Bench['run'], rows: Bench['rows'] = []): Bench => ({
  name: 'one',
  help: '',
  how: '',
  anchors: [],
  rounds: 3,
  rows,
  run,
})
const options = { quick: false, versions: new Map(), say: () => {} }

test('sides are run by turns, and each round begins with another', async () => {
  const order: string[] = []
  const side = (name: string) => async () => {
    order.push(name)
    return { rate: order.length }
  }
  const sides = { ocs: side('ocs'), other: side('other'), missing: undefined }
  const { sides: done } = await runBench(
    bench((b) => b.interleave(sides)),
    options,
  )
  expect(order).toEqual(['ocs', 'other', 'other', 'ocs', 'ocs', 'other'])
  expect(done).toEqual({
    ocs: [{ rate: 1 }, { rate: 4 }, { rate: 5 }],
    other: [{ rate: 2 }, { rate: 3 }, { rate: 6 }],
  })
})

test('a wrong count is told, a right one is not', async () => {
  const run = async (b: Bencher) => {
    b.count('messages', 9, 10)
    b.count('rows', 5, 5)
    return {}
  }
  expect((await runBench(bench(run), options)).wrong).toEqual(['messages: 9 instead of 10'])
})

test('what an anchor lost is said, and fails nothing', async () => {
  const said: string[] = []
  const run = async (b: Bencher) => {
    b.count('theirs: messages', 9, 10)
    return {}
  }
  const anchors = [{ name: 'theirs', install: [], version: () => '1' }]
  const outcome = await runBench({ ...bench(run), anchors }, { ...options, say: (text) => said.push(text) })
  expect(outcome.wrong).toEqual([])
  expect(said).toEqual(['they lost some: theirs: messages: 9 instead of 10'])
})

test('a bench that throws is an outcome, with its reason', async () => {
  const outcome = await runBench(
    bench(async () => {
      throw new Error('no hub')
    }),
    options,
  )
  expect(outcome).toMatchObject({ error: 'no hub', sides: {} })
})

test('an anchor that fails loses its rounds, ours go on; what fails of ours fails the bench', async () => {
  const anchor = { name: 'theirs', install: [], version: () => '1' }
  let calls = 0
  const fails = async () => {
    calls++
    throw new Error('lost')
  }
  const good = async () => ({ rate: 1 })
  const measured = (run: Bench['run']) => runBench({ ...bench(run), anchors: [anchor] }, options)
  const theirs = await measured((b) => b.interleave({ ocs: good, theirs: fails }))
  expect(theirs.error).toBeUndefined()
  expect(theirs.sides).toEqual({
    ocs: [{ rate: 1 }, { rate: 1 }, { rate: 1 }],
    theirs: [undefined, undefined, undefined],
  })
  expect(calls).toBe(1)
  expect((await measured((b) => b.together({ ocs: fails, theirs: good }))).error).toBe('lost')
})

test('a quick run is one round and small; rounds that were asked for go before', async () => {
  const seen: number[][] = []
  const run = async (b: Bencher) => {
    seen.push([b.rounds, b.size(1000, 10)])
    return {}
  }
  await runBench(bench(run), { ...options, quick: true })
  await runBench(bench(run), { ...options, rounds: 7 })
  expect(seen).toEqual([
    [1, 10],
    [7, 1000],
  ])
})

test('what a bench has started ends with it, children of children too', async () => {
  const run = async ({ lab }: Bencher) => {
    // It leaves the process group, as a daemon does.
    await lab.program('sh', ['setsid', 'sh', '-c', 'sleep 600 & echo up; wait']).says('up')
    return {}
  }
  expect((await runBench(bench(run), options)).error).toBeUndefined()
  expect(endAll()).toBe(0)
})

test('a row pairs its own figure with that of the side it names', () => {
  const rows = [
    { work: 'a', figure: 'rate', unit: '', against: 'other' },
    { work: 'b', figure: 'rate', unit: '', against: 'nobody' },
  ]
  const sides = {
    ocs: [{ rate: 10 }, { rate: 30 }, { rate: 20 }],
    other: [{ rate: 5 }, { rate: 10 }, { rate: 20 }],
  }
  const [a, b] = measuredRows({ bench: bench(async () => ({}), rows), sides })
  expect(a?.ours).toMatchObject({ min: 10, median: 20, max: 30 })
  expect(a?.ratio).toEqual({ min: 1, median: 2, max: 3, rounds: 3 })
  expect(b?.theirs).toBeUndefined()
  expect(b?.ratio).toBeUndefined()
})

test('a row of several figures is a curve, with how much a round of it grows at most', () => {
  const rows = [{ work: 'a', figure: ['one', 'ten'], unit: 'µs', goal: ratioMost(1.1) }]
  const sides = {
    ocs: [
      { one: 8, ten: 4 },
      { one: 4, ten: 5 },
      { one: 4, ten: 4.8 },
    ],
  }
  const whole = bench(async () => ({}), rows)
  const [row] = measuredRows({ bench: whole, sides })
  expect(row?.curve?.map((size) => size?.median)).toEqual([4, 4.8])
  expect(row?.ratio).toEqual({ min: 0.5, median: 1.2, max: 1.25, rounds: 3 })
  const line = row && lineOf(whole, row, 'today')
  expect(line?.cells).toBe('a | 4.00 → 4.80 µs ▇█ |  | 1.20 (0.500–1.25) × | ≤ 1.10 × | **no**')
  const [none] = measuredRows({ bench: whole, sides: {} })
  expect(none && lineOf(whole, none, '')).toMatchObject({ cells: 'a | not measured yet |  |  | ≤ 1.10 × | ' })
})
