import { expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { fits, stepsOf, tryPages } from './transcripts.ts'

// A whole lab, and each command of a page in it.
setDefaultTimeout(600_000)

test('the first hour prints what its page shows', async () => {
  // For the other pages: test/real/transcripts.check.ts.
  const { compared, differ } = await tryPages(join(import.meta.dir, '..'), ['docs/first-hour.md'])
  expect(differ.join('\n')).toBe('')
  expect(compared).toBeGreaterThan(15)
})

test('steps are the blocks of a page in their order', () => {
  const page = `## One

\`\`\`yaml
# lab.yaml
hub: {}
\`\`\`

\`\`\`console
$ ocs a \\
    --b
1 line
…
$ ocs c
\`\`\`

[run]: # 'ocs d'

\`\`\`sh
ocs e
\`\`\`
`
  expect(stepsOf('p', page)).toEqual([
    { where: 'p: One', command: "cat > lab.yaml <<'END'\nhub: {}\nEND" },
    { where: 'p: One', command: 'ocs a \\\n    --b', shown: ['1 line', '…'] },
    { where: 'p: One', command: 'ocs c', shown: [''] },
    { where: 'p: One', command: 'ocs d' },
  ])
})

test('numbers and spaces may be others, words may not', () => {
  expect(fits('a 12.5 K  b\n', ['a 3 K b'])).toBe(true)
  expect(fits('a 12.5 K  b\n', ['a … b'])).toBe(true)
  expect(fits('x\ny\nlast\n', ['…', 'last'])).toBe(true)
  expect(fits('', [''])).toBe(true)
  expect(fits('a 12.5 K  c\n', ['a 3 K b'])).toBe(false)
  expect(fits('a\nb\n', ['a'])).toBe(false)
  expect(fits('ocs: no hub\n', [''])).toBe(false)
  expect(fits('a.b\n', ['a?b'])).toBe(false)
})
