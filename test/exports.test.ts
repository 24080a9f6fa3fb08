import { expect, test } from 'bun:test'
import { exports } from '../package.json'

const specifiers = Object.keys(exports).map((name) => name.replace('.', 'ocs'))

test.each(specifiers)('%s can be imported', async (specifier) => {
  expect(Object.keys(await import(specifier)).length).toBeGreaterThan(0)
})

test('what can be imported is documented, and what is documented can be imported', async () => {
  const documented = new Set<string>()
  const places = ['*.md', 'docs/**/*.md', 'examples/**/*.ts'].flatMap((glob) => [
    ...new Bun.Glob(glob).scanSync('.'),
  ])
  for (const file of places) {
    const text = await Bun.file(file).text()
    for (const [, name = ''] of text.matchAll(
      /['`](ocs(?:\/(?:agents|instrument|testing)(?:\/[\w-]+)?)?)['`]/g,
    ))
      documented.add(name)
  }
  expect([...documented].sort()).toEqual([...specifiers].sort())
})
