import { expect, test } from 'bun:test'
import { DataAnswer, packed } from './data-node.ts'

const about = { description: null, timeline: 't', units: null }
const answer: DataAnswer = {
  data: { T: [4.2, null, -0.1], on: [true, false, null], state: ['a', 'b', null], none: [] },
  timeline: { t: { t: [1795777050.2579215, 1795777051, 1795777052.5], finalized_until: 1795777052.5 } },
  fields: {
    T: { ...about, type: 'number' },
    on: { ...about, type: 'bool' },
    state: { ...about, type: 'string' },
  },
}
const request = { fields: [], start: 0, end: 0 }

test('lists of numbers travel as text where that was asked for, and come out as they went in', () => {
  expect(packed(answer, request)).toBe(answer)
  const text = JSON.stringify(packed(answer, { ...request, packed: true }))
  expect(JSON.parse(text)).toMatchObject({ data: { T: expect.any(String), on: [true, false, null] } })
  expect(DataAnswer.parse(JSON.parse(text))).toEqual(answer)
  expect(DataAnswer.parse(JSON.parse(JSON.stringify(answer)))).toEqual(answer)
})

test('what is no list of numbers is refused', () => {
  const spoilt = (t: unknown) => ({ ...answer, timeline: { t: { t, finalized_until: null } } })
  expect(() => DataAnswer.parse(spoilt(['soon']))).toThrow()
  expect(() => DataAnswer.parse(spoilt('c2hvcnQ='))).toThrow()
})
