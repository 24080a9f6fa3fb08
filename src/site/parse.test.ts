import { expect, test } from 'bun:test'
import { seeded } from '../../test/random.ts'
import { ConfigError } from '../core/errors.ts'
import { spoiltSites } from './fuzz.test-aid.ts'
import { parseYaml } from './parse.ts'
import { parseSite } from './site.ts'

/** Milliseconds of processor time of a call, without other work of the machine. */
function cost(work: () => unknown): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

const keys = (count: number, indent = '') =>
  Array.from({ length: count }, (_, i) => `${indent}k${i}: 1\n`).join('')
/** The cost of reading a text, the least of three attempts. */
const reading = (text: string) => Math.min(...[1, 2, 3].map(() => cost(() => parseYaml(text, 'x.yaml'))))
/** The cost of a plain file of about the largest size: a hundred maps of a hundred keys. */
const plain = reading(Array.from({ length: 100 }, (_, i) => `m${i}:\n${keys(100, ' ')}`).join(''))
/**
 * The most that any other file may cost, relative to the plain one: quadratic growth would cost hundreds of
 * times as much.
 */
const MOST = 20

/** The parser's message about a text, at an acceptable cost. */
function refusal(text: string): string {
  let said = ''
  const took = cost(() => {
    try {
      parseYaml(text, 'x.yaml').problems.throwIfAny()
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      said = error.message
    }
  })
  expect(took / plain).toBeLessThan(MOST)
  return said
}

test('places of values, through quotes, flow and aliases', () => {
  const { root: node } = parseYaml("a: 'x y'\nb: {c: [1, &n 007]}\nd: *n\n", 'x.yaml')
  expect(node).toMatchObject({
    entries: [
      { key: 'a', at: { line: 1, column: 1 }, value: { text: 'x y', at: { line: 1, column: 4 } } },
      {
        key: 'b',
        value: {
          entries: [{ value: { items: [{ text: '1' }, { text: '007', at: { line: 2, column: 15 } }] } }],
        },
      },
      { key: 'd', value: { text: '007' } },
    ],
  })
})

test('merge keys are read as YAML has them: a key of one’s own counts first', () => {
  const { root, problems } = parseYaml(
    'a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [*a, {z: 4}]}\n',
    'x.yaml',
  )
  problems.throwIfAny()
  const [, b, c] = root.kind === 'mapping' ? root.entries : []
  const keys = (entry: typeof b) =>
    entry?.value.kind === 'mapping'
      ? entry.value.entries.map(({ key, value }) => [key, (value as { text?: string }).text])
      : []
  expect(keys(b)).toEqual([
    ['y', '3'],
    ['x', '1'],
  ])
  expect(keys(c)).toEqual([
    ['x', '1'],
    ['y', '2'],
    ['z', '4'],
  ])
})

const wrong: [string, string, string][] = [
  ['a duplicate key', 'a: 1\nb: 2\na: 3\n', 'x.yaml:3:1: duplicate key "a": the first is on line 1'],
  ['an unknown tag', 'a: !foo 1\n', 'x.yaml:1:4: Unresolved tag: !foo'],
  [
    "Python's tag",
    'a: !!python/object:os.system x\n',
    'x.yaml:1:4: Unresolved tag: tag:yaml.org,2002:python/object:os.system',
  ],
  [
    'a merge key of nothing',
    'a: &a x\nb:\n  <<: *a\n',
    'x.yaml:1:7: a merge key (<<) takes keys with values, or an alias (*name) of some',
  ],
  ['a tab', 'a:\n\tb: 1\n', 'x.yaml:2:1: Tabs are not allowed as indentation'],
  ['an alias of nothing', 'a: *nope\n', 'x.yaml:1:4: no value above is named &nope'],
  ['an alias of itself', 'a: &a [*a]\n', 'x.yaml:1:8: no value above is named &a'],
  ['an explicit key', 'a: 1\n? b\n: 2\n', 'x.yaml:2:1: "?" keys are not supported: write "key: value"'],
  ['an empty key', 'a: 1\n: 2\n', 'x.yaml:2:1: a key is missing before the colon'],
  ['a bracket too many', 'a: [1]\nb: 2]\n]\n', 'x.yaml:3:1: there is no bracket open for this ]'],
  ['deep nesting', `a: ${'['.repeat(60_000)}`, 'x.yaml:1:36: nested deeper than 32 levels'],
  ['many dashes', '- '.repeat(60_000), 'x.yaml:1:65: nested deeper than 32 levels'],
  [
    'deep indentation',
    Array.from({ length: 480 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
    'x.yaml:34:34: nested deeper than 32 levels',
  ],
  [
    'explicit keys without end',
    '? '.repeat(60_000),
    'x.yaml:1:1: "?" keys are not supported: write "key: value"',
  ],
  ['too large', `# ${'x'.repeat(128 * 1024)}`, 'x.yaml: larger than 128 KiB: is it a site file?'],
]
for (const [name, text, expected] of wrong)
  test(`refused: ${name}`, () => expect(refusal(text)).toBe(expected))

test('a bomb of aliases is refused: by number, and by what they spell out', () => {
  const bomb = [...'abcdefghijklmnop'].map((name, i) =>
    i === 0 ? 'a: &a [x, x, x]' : `${name}: &${name} [${`*${'abcdefghijklmnop'[i - 1]}, `.repeat(3)}]`,
  )
  expect(refusal(bomb.join('\n'))).toBe('x.yaml:10:12: more than 100000 values: is it a site file?')
  expect(refusal(`z: &z x\nall: [${'*z,'.repeat(51)}]`)).toBe(
    'x.yaml:2:157: more than 50 aliases: is it a site file?',
  )
})

test('up to 50 aliases are read', () => {
  expect(refusal(`z: &z x\nall: [${'*z,'.repeat(50)}]`)).toBe('')
})

const units = [
  '[a]: ',
  'a: ',
  '{a: ',
  '&a ',
  '!a ',
  '"',
  '#\n',
  '---\n',
  ']',
  '}',
  '[{',
  'a,',
  '*a ',
  '- - ',
  'a:\n',
]
for (const unit of units) {
  test(`128 KiB of ${JSON.stringify(unit)} are answered at a bearable cost`, () => {
    const text = unit.repeat(Math.floor((128 * 1024) / unit.length))
    for (const whole of [text, `[${text.slice(1)}`])
      expect(refusal(whole).split('\n').length).toBeLessThan(102)
  })
}

test('ten thousand keys of one map cost no more than those of many', () => {
  // If each were compared with all before it, they would cost four to six times as much.
  expect(reading(keys(10_000)) / plain).toBeLessThan(3)
})

test('of 1,000 spoilt site files each is read, or refused with its place, at a bearable cost', () => {
  const spoilt = spoiltSites(seeded(240))
  let refused = 0
  for (let run = 0; run < 1000; run++) {
    const text = spoilt()
    const took = cost(() => {
      try {
        parseSite(text, 'x.yaml')
      } catch (error) {
        if (!(error instanceof ConfigError)) throw new Error(`run ${run}: ${text}`, { cause: error })
        for (const line of error.message.split('\n'))
          expect(line).toMatch(/^x\.yaml:(\d+:\d+: .+| \d+ more problems)$/)
        refused++
      }
    })
    expect(took / plain).toBeLessThan(MOST)
  }
  expect(refused).toBeGreaterThan(300)
  expect(refused).toBeLessThan(1000)
})
