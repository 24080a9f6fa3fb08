import { expect, test } from 'bun:test'
import { answerOf, type Columns, DataAnswer } from './data-node.ts'

const about = { description: null, timeline: 't', units: null }
const columns: Columns = {
  data: {
    T: Float64Array.of(4.2, Number.NaN, -0.1, Infinity),
    on: [true, false, null, null],
    state: ['a', 'b', null, ''],
    none: [],
  },
  timeline: {
    t: {
      t: Float64Array.of(1795777050.2579215, 1795777051, 1795777052.5, 1795777053),
      finalized_until: 1795777052.5,
    },
  },
  fields: {
    T: { ...about, type: 'number' },
    on: { ...about, type: 'bool' },
    state: { ...about, type: 'string' },
  },
}
const answer = DataAnswer.parse(answerOf(columns, {}))

test('lists of numbers travel as text where that was asked for, and come out as they went in', () => {
  expect(answer.data['T']).toEqual([4.2, null, -0.1, null])
  expect(answer.timeline['t']?.t).toEqual([1795777050.2579215, 1795777051, 1795777052.5, 1795777053])
  const text = JSON.stringify(answerOf(columns, { packed: true }))
  expect(JSON.parse(text)).toMatchObject({ data: { T: expect.any(String), on: [true, false, null, null] } })
  expect(DataAnswer.parse(JSON.parse(text))).toEqual(answer)
  expect(DataAnswer.parse(JSON.parse(JSON.stringify(answer)))).toEqual(answer)
})

test('what is no list of numbers is refused', () => {
  const spoilt = (t: unknown) => ({ ...answer, timeline: { t: { t, finalized_until: null } } })
  expect(() => DataAnswer.parse(spoilt(['soon']))).toThrow()
  expect(() => DataAnswer.parse(spoilt('c2hvcnQ='))).toThrow()
})
