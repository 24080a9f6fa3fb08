import { expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dir, '..')
const page = readFileSync(join(ROOT, 'docs', 'pains.md'), 'utf8')
const sections = page.split(/^### /m).slice(1)

/** Whether a file has a test of this name; a name composed of parts is written as in the source. */
function hasTest(file: string, name: string): boolean {
  if (!existsSync(join(ROOT, file))) return false
  const source = readFileSync(join(ROOT, file), 'utf8')
  return [...source.matchAll(/\btest(?:\.each\([^)]*\))?\(\s*(['"`])(.*?)\1,/gs)].some(
    ([, , found]) => found === name,
  )
}

test('all 26 pains are there, each with its standing', () => {
  expect(sections.map((text) => Number.parseInt(text, 10))).toEqual(
    Array.from({ length: 26 }, (_, at) => at + 1),
  )
  const without = sections.filter((text) => !/\*\*(Gone|Partly|Still to come|Out of scope)[.*]/.test(text))
  expect(without).toEqual([])
})

test('what is said to be gone names a test; every named test exists', () => {
  const missing: string[] = []
  for (const text of sections) {
    const named = [...text.matchAll(/^- `([^`]+)`: (.*)$/gm)]
    if (/\*\*(Gone|Partly)/.test(text) && named.length === 0) missing.push(`no test: ${text.split('\n')[0]}`)
    for (const [, file = '', name = ''] of named) if (!hasTest(file, name)) missing.push(`${file}: ${name}`)
  }
  expect(missing).toEqual([])
  expect(hasTest('test/docs-pains.test.ts', 'no such test')).toBe(false)
})
