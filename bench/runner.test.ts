import { expect, test } from 'bun:test'
import type { Bench, Bencher } from './bench.ts'
import { endAll } from './lab.ts'
import { measuredRows, runBench } from './runner.ts'

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

test('a bench that throws is an outcome, with its reason', async () => {
  const outcome = await runBench(
    bench(async () => {
      throw new Error('no hub')
    }),
    options,
  )
  expect(outcome).toMatchObject({ error: 'no hub', sides: {} })
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
