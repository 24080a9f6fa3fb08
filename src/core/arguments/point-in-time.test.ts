import { expect, test } from 'bun:test'
import { readTime } from './point-in-time.ts'
import { secondsOf } from './time-units.ts'

const NOW = Date.UTC(2026, 10, 23, 8)

test('times as URLs spell them', () => {
  for (const [text, ms] of [
    ['now', NOW],
    ['-1h', NOW - 3_600_000],
    ['now-90min', NOW - 5_400_000],
    ['-5m', NOW - 300_000],
    ['-1.5h', NOW - 5_400_000],
    ['-1M', NOW - 30 * 86_400_000],
    ['-1mon', NOW - 30 * 86_400_000],
    ['-2weeks', NOW - 14 * 86_400_000],
    ['-1y', NOW - 365 * 86_400_000],
    ['+10s', NOW + 10_000],
    ['1795415400', 1_795_415_400_000],
    ['1795415400.25', 1_795_415_400_250],
    ['08:00_20261123', NOW],
    ['20261123', Date.UTC(2026, 10, 23)],
    ['2026-11-23', Date.UTC(2026, 10, 23)],
    ['2026-11-23T08:00:00Z', NOW],
    ['2026-11-23T08:00:00', NOW],
    ['2026-11-23 08:00', NOW],
    ['2026-11-23T09:00:00 01:00', NOW],
  ] as const) {
    expect([text, readTime(text, 1000, NOW)]).toEqual([text, ms])
  }
  expect(readTime('1795415400123', 1, NOW)).toBe(1_795_415_400_123)
  expect(readTime('0', 1, NOW)).toBe(0)
  // Read as ms, these seconds would be a day in 1970.
  expect(readTime('1795415400', 1, NOW)).toBeUndefined()
  for (const text of [
    '',
    ' ',
    'soon',
    '-1',
    '-1x',
    '1e5',
    'NaN',
    '2026-13-40',
    '9'.repeat(16),
    'now-',
    '-999999999y',
    // ms given where seconds are expected
    '1795415400123',
  ]) {
    expect([text, readTime(text, 1000, NOW)]).toEqual([text, undefined])
  }
})

test('lengths of time as flags take them', () => {
  const read = (text: string) => secondsOf('--for', text)
  expect(['90', '0.5', '10min', '2h', '2 h', '1d', '1.5w'].map(read)).toEqual([
    ...[90, 0.5, 600, 7200, 7200, 86_400, 907_200],
  ])
  for (const bad of ['', 'h', '0', '-1', '1e3', '1x', '0x10', 'Infinity'])
    expect(() => read(bad)).toThrow('--for takes a time such as 90, 10min or 2h')
  expect(secondsOf('--timeout', '0', { zero: true })).toBe(0)
  expect(() => secondsOf('--timeout', '30d', { most: 2_000_000 })).toThrow('--timeout takes a time')
})
