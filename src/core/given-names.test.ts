import { expect, test } from 'bun:test'
import { givenNames } from './given-names.ts'

test('a field is called as people named it, where that tells it apart', () => {
  const fields = [
    { name: 'Channel_1_T', description: '4K plate' },
    { name: 'Channel_2_T', description: '50K stage: sum of 1 invalid, 16 below' },
    { name: 'Channel_3_T', description: 'Channel' },
    { name: 'Channel_4_T', description: 'Channel' },
    { name: 'Channel_5_T', description: '' },
    { name: 'load_1min', description: 'processes running or waiting, mean of 1 min' },
    { name: 'pressure', description: null },
  ]
  expect([...givenNames(fields).values()]).toEqual([
    '4K plate',
    '50K stage',
    'Channel_3_T',
    'Channel_4_T',
    'Channel_5_T',
    'load_1min',
    'pressure',
  ])
})
