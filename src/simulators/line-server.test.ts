import { expect, test } from 'bun:test'
import { splitLines } from './line-server.ts'

function linesOf(...chunks: string[]): string[] {
  const feed = splitLines()
  return chunks.flatMap((chunk) => feed(Buffer.from(chunk)))
}

test('lines may end in LF or CRLF and arrive in any pieces; empty ones are swallowed', () => {
  expect(linesOf('*ID', 'N?\r', '\n\n\r\nKRDG? 1\nSRDG? 1\nrest')).toEqual(['*IDN?', 'KRDG? 1', 'SRDG? 1'])
})

test('lines may end in CR alone', () => {
  expect(linesOf('*IDN?\rKR', 'DG? 1\r', '\rrest')).toEqual(['*IDN?', 'KRDG? 1'])
})

test('of an endless line nothing is obeyed, not its end either', () => {
  expect(linesOf('x'.repeat(2000), ' STILL 77\nSCAN?\n')).toEqual(['SCAN?'])
  expect(linesOf(`${'x'.repeat(2000)}\nSCAN?\n`)).toEqual(['SCAN?'])
})
