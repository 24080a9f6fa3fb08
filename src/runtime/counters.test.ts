import { expect, test } from 'bun:test'
import { troubles } from '../core/counter-help.ts'
import { Counters } from './counters.ts'

test('what is counted here and by others adds up, also after those have gone', () => {
  const counters = new Counters()
  counters.add('quarantined')
  counters.add('out_of_range', 3)
  let gaps = 0
  const first = counters.source(() => ({ gaps, quarantined: 1 }))
  gaps = 5
  expect(counters.all).toEqual({ quarantined: 2, out_of_range: 3, gaps: 5 })
  first[Symbol.dispose]()
  first[Symbol.dispose]()
  gaps = 7
  using _second = counters.source(() => ({ gaps: 1, rows: 10 }))
  expect(counters.all).toEqual({ quarantined: 2, out_of_range: 3, gaps: 6, rows: 10 })
})

test('trouble is what is above zero, but work done and the fields of a total', () => {
  const counters = { rows: 9, gaps: 2, holes: 0, out_of_range: 1, 'out_of_range temps.T': 1 }
  expect(troubles(counters)).toEqual([
    ['gaps', 2],
    ['out_of_range', 1],
  ])
})
