import { expect, test } from 'bun:test'
import { createScanner } from './scanner.ts'

function scannerOf(enabled: readonly number[]) {
  const on = new Set(enabled)
  const left: [number, number][] = []
  const scanner = createScanner(
    16,
    0,
    (channel) => ({ enabled: on.has(channel), pause: 3, dwell: channel }),
    (channel, t) => left.push([channel, t]),
  )
  return { scanner, left, on }
}

test('enabled channels follow each other, each with its pause and its own dwell', () => {
  const { scanner, left } = scannerOf([1, 4, 6])
  const seen = [0, 3.9, 4, 10.9, 11, 19.9, 20].map((t) => {
    scanner.advance(t)
    return [scanner.channel, scanner.settled]
  })
  expect(seen).toEqual([
    [1, false],
    [1, true],
    [4, false],
    [4, true],
    [6, false],
    [6, true],
    [1, false],
  ])
  expect(left).toEqual([
    [1, 4],
    [4, 11],
    [6, 20],
  ])
})

test('one late look finds the scanner where it would have been', () => {
  const { scanner } = scannerOf([1, 4, 6])
  scanner.advance(1000 * 20 + 11.5)
  expect(scanner.channel).toBe(6)
})

test('without autoscan a channel stays; set going again it gets a whole dwell', () => {
  const { scanner } = scannerOf([2, 3])
  scanner.select(2, false)
  scanner.advance(500)
  expect([scanner.channel, scanner.settled, scanner.autoscan]).toEqual([2, true, false])
  scanner.select(2, true)
  scanner.advance(501.9)
  expect(scanner.channel).toBe(2)
  scanner.advance(502)
  expect(scanner.channel).toBe(3)
})

test('a channel that is switched off is left at once', () => {
  const { scanner, on } = scannerOf([1, 2])
  scanner.advance(3.5)
  on.delete(1)
  scanner.advance(3.6)
  expect(scanner.channel).toBe(2)
  expect(scanner.settled).toBe(false)
})

test('a lone channel, or none, does not switch', () => {
  for (const enabled of [[1], []]) {
    const { scanner } = scannerOf(enabled)
    scanner.advance(100)
    expect(scanner.channel).toBe(1)
  }
})
