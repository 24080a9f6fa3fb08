/**
 * Resources that a function disposes of at its end are in use until then: a promise that is returned without
 * being awaited continues afterwards, with resources that are gone.
 */
import { expect, test } from 'bun:test'
import { join } from 'node:path'

const ROOT = join(import.meta.dir, '..')
const USING = /^( *)await using /
/** A return of nothing but a call; `.map(…)` and similar calls on a list do not end in a bare call. */
const RETURNS = /^(?:if \(.*\) )?return (?!await )(?:this\.#?|[a-z]\w*\.)*[a-z]\w*\(.*\)$/

/** Lines in the block of an `await using` that return a call. */
function faultsOf(text: string): string[] {
  const lines = text.split('\n')
  return lines.flatMap((line, at) => {
    const indent = USING.exec(line)?.[1]
    if (indent === undefined) return []
    const end = lines.findIndex((next, i) => i > at && next !== '' && !next.startsWith(indent))
    return lines
      .slice(at + 1, end < 0 ? undefined : end)
      .filter((next) => next.startsWith(indent) && RETURNS.test(next.slice(indent.length)))
      .map((next) => next.trim())
  })
}

/** Calls that return no promise. */
const PLAIN = /return (?:Object\.\w+|\w+\.subarray|print)\(/

test('a function that disposes of something awaits what it returns', async () => {
  const found: string[] = []
  for await (const file of new Bun.Glob('{src,bin,bench,examples}/**/*.ts').scan(ROOT))
    for (const line of faultsOf(await Bun.file(join(ROOT, file)).text()))
      if (!PLAIN.test(line)) found.push(`${file}: ${line}`)
  expect(found).toEqual([])
})

test('what the search finds', () => {
  const text = (line: string) =>
    `async function f() {\n  await using file = await open()\n  ${line}\n}\nreturn g()\n`
  for (const line of ['return readAt(file, 0)', 'return this.#read(file)', 'if (file) return file.read()'])
    expect(faultsOf(text(line))).toEqual([line])
  for (const line of [
    'return await readAt(file, 0)',
    'return file',
    'const g = () => {\n    return h()\n  }',
  ])
    expect(faultsOf(text(line))).toEqual([])
})
