import { expect, test } from 'bun:test'
import { label, printable } from './printable.ts'

test.each([
  ['CSI', 'a\x1b[2Jb', 'a\\u001b[2Jb'],
  ['OSC that sets a title', '\x1b]0;title\x07', '\\u001b]0;title\\u0007'],
  ['C1', 'a\u009b31m', 'a\\u009b31m'],
  ['bidi override', 'user\u202etxt.exe', 'user\\u202etxt.exe'],
  ['bidi isolate', '\u2066x\u2069', '\\u2066x\\u2069'],
  ['a tag beyond the BMP', '\u{e0041}', '\\udb40\\udc41'],
  ['half of a pair', 'a\ud800b', 'a\\ud800b'],
  ['backspace and delete', 'ab\b\x7f', 'ab\\u0008\\u007f'],
  ['a carriage return alone', 'good\rbad', 'good\\u000dbad'],
  ['lines and tabs', 'a\r\nb\tc\n', 'a\nb\tc\n'],
  ['what people write', 'Ω µ ÅÄÖ 漢字 😀 العربية', 'Ω µ ÅÄÖ 漢字 😀 العربية'],
])('%s', (_, text, shown) => {
  expect(printable(text)).toBe(shown)
})

test('JSON stays the same document', () => {
  const document = { text: '\u202e\u009b\x1b[2J\u{e0041} plain' }
  expect(JSON.parse(printable(JSON.stringify(document)))).toEqual(document)
})

test('a label is one line, and bounded', () => {
  expect(label('a\nb\x1b')).toBe('a b\\u001b')
  expect(label('x'.repeat(1000))).toHaveLength(200)
})
