import { expect, test } from 'bun:test'
import { stamp } from './log.ts'
import { reading, readings } from './readings.ts'

test('fields of one channel share its name, and every number has its units', () => {
  const declaration = {
    agent_class: 'X',
    record: true,
    frame_length: 60,
    blocks: {
      temps: {
        Channel_1_T: { type: 'double' as const, units: 'K' },
        Channel_1_V: { type: 'double' as const, units: 'V', resolution: 1e-3 },
        Channel_2_V: { type: 'double' as const, units: 'V' },
        Channel_2_status: { type: 'int' as const },
        voltage: { type: 'double' as const, units: '0.1 V', resolution: 1 },
      },
    },
  }
  const row = {
    epoch: 'e',
    block: 'temps',
    t: [1],
    data: {
      Channel_1_T: [4.2134567],
      Channel_1_V: [1.62],
      Channel_1_status: [0],
      Channel_2_V: ['NaN'],
      Channel_2_status: [16],
      voltage: [1203],
    },
  }
  expect(reading(declaration, row)).toBe(
    'Channel_1 4.21346 K 1.620 V  Channel_2 no value status 16  voltage 120.3 V',
  )
})

test('a time stamp has the local offset', () => {
  expect(stamp(new Date())).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}$/)
})

test('of rows that came at once the newest of each block is shown', () => {
  const blocks = { a: { x: { type: 'double' as const } }, b: { y: { type: 'double' as const } } }
  const declaration = { agent_class: 'X', record: true, frame_length: 60, blocks }
  const row = (block: string, t: number, data: Record<string, number[]>) => ({
    epoch: 'e',
    block,
    t: [t],
    data,
  })
  const rows = [row('a', 1, { x: [1] }), row('b', 2, { y: [2] }), row('a', 3, { x: [3] })]
  const at = (time: number) => stamp(new Date(time * 1000))
  expect(readings(declaration, rows)).toBe(`${at(3)} x 3\n${at(2)} y 2\n`)
})
