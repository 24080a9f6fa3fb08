import { expect, test } from 'bun:test'
import type { FieldEntry } from '../core/data-node.ts'
import { fitFields } from './fit-fields.ts'

const about: FieldEntry = { description: null, timeline: 't', type: 'number', units: null }

test.each([
  ['x'.repeat(601), 'at most 600 characters'],
  ['T\nocs_value{node="forged"} 1', 'without control and invisible characters'],
  ['T\u001b[2J', 'without control and invisible characters'],
  ['T\u202e', 'without control and invisible characters'],
])('a field with a name that no reader could take (%#) is left out, and the rest stays', (name, why) => {
  const said: string[] = []
  const answer = {
    fields: { [name]: about, 'temps.Channel 1 (K)': about, ['y'.repeat(600)]: about },
    timelines: {},
  }
  const { fields } = fitFields(answer, (...words) => said.push(words.join(': ')))
  expect(Object.keys(fields)).toEqual(['temps.Channel 1 (K)', 'y'.repeat(600)])
  expect(said).toEqual([expect.stringMatching(new RegExp(`^[ -~…]{2,60}: ${why}$`))])
})
