import { expect, test } from 'bun:test'
import type { History, Run } from '../history.ts'
import { operationNames } from './operations.ts'

const run = (instance: string, op: string, steps: Run['steps']): Run => {
  const [[start] = [0]] = steps
  return {
    instance,
    op,
    id: 1,
    start,
    end: undefined,
    state: 'running',
    startedBy: 'maya',
    message: '',
    steps,
  }
}
const history: History = {
  alarms: () => [],
  runs: () => [
    run('ls240', 'acq', [
      [100, 'running', ''],
      [150, 'degraded', ''],
      [180, 'failed', ''],
    ]),
    run('ls-372', 'acq', [[120, 'running', '']]),
    run('ls-372', 'ramp', [[130, 'idle', '']]),
  ],
  events: () => [],
  [Symbol.asyncDispose]: async () => {},
}
const { find, lines } = operationNames(history, (_, op) => (op === 'ramp' ? 'task' : 'process'))
const span = { from: 90_000, to: 200_000 }

test('names of operations unfold from "operations", which * does not show', () => {
  expect(find('*')).toEqual([])
  expect(find('operations')).toEqual([{ text: 'operations', path: 'operations', leaf: false }])
  expect(find('operations.*').map(({ path, leaf }) => [path, leaf])).toEqual([
    ['operations.ls240', false],
    ['operations.ls_372', false],
  ])
  expect(find('operations.ls_372.{acq,ramp}').map(({ text, leaf }) => [text, leaf])).toEqual([
    ['acq', true],
    ['ramp', true],
  ])
})

test('states are op codes, a point at each change and at both ends; before its first session an operation has none', () => {
  expect(lines('operations.ls240.acq', span)).toEqual([
    {
      path: 'operations.ls240.acq',
      target: 'operations.ls240.acq',
      tags: { name: 'operations.ls240.acq', instance: 'ls240', operation: 'acq' },
      // 3 running, 8 degraded, 6 failed; there are also points at the changes of the other operations.
      datapoints: [
        [3, 100],
        [3, 120],
        [3, 130],
        [8, 150],
        [6, 180],
        [6, 200],
      ],
    },
  ])
  expect(lines('operations.*.*', span)).toHaveLength(3)
  expect(lines('LSA21OQ.*', span)).toEqual([])
  expect(lines('operations.ls240', span)).toEqual([])
})

test('"processes" has what is to go on for good, and no task', () => {
  expect(find('processes')).toEqual([{ text: 'processes', path: 'processes', leaf: false }])
  expect(find('processes.*.*').map(({ path }) => path)).toEqual([
    'processes.ls240.acq',
    'processes.ls_372.acq',
  ])
  expect(lines('processes.*.*', span).map(({ path }) => path)).toEqual([
    'processes.ls240.acq',
    'processes.ls_372.acq',
  ])
  expect(lines('processes.ls240.acq', span)[0]?.datapoints).toEqual(
    lines('operations.ls240.acq', span)[0]?.datapoints ?? [],
  )
})
