/**
 * No test of `npm test` is judged by the clock: on a busy machine a measured time is too long, and a pause
 * too short. What only a clock can tell is a check of `test/real`.
 */
import { expect, test } from 'bun:test'
import { dirname, join } from 'node:path'

/** Exempt files, and why. */
const EXCEPT: Readonly<Record<string, string>> = {
  'bench/process-cost.test.ts': 'reads the processor time of a child that burns some',
  'test/clock.test.ts': 'it has a text of each fault',
  'test/own-clock.test.ts': 'the clock by which the others run is its subject',
}

const READING = String.raw`performance\.now\(|Date\.now\(|new Date\(\)|\bnanoseconds\(|process\.(?:hrtime|uptime)\b`
const UPPER = /^(?:toBeLessThan(?:OrEqual)?|toBeWithin|toBeCloseTo|not\.toBeGreaterThan(?:OrEqual)?)$/
const LOWER = /^(?:toBeGreaterThan(?:OrEqual)?|not\.toBeLessThan(?:OrEqual)?)$/
const LITERAL = /^[\d_.]+$|^[A-Z][A-Z\d_]*$/
const COUNT = /\.(?:length|size|byteLength)$/
/** Ways to wait for a time alone; a wait of zero only gives one turn to other work. */
const SLEEPS = [
  /\bsleep(?:Sync)?\(/,
  /['"](?:node:)?timers\/promises['"]/,
  /setTimeout\(\s*(?:\(\) => (?:void )?)?(?:\w+\.)?(?:resolve|done|wake)\b(?!, 0\))/,
  /new Promise(?:<\w+>)?\(\(?(\w+)\)? => (?:void )?setTimeout\(\1, [1-9]/,
  /\bawait pause\(\d/,
]

/** The index after the bracket that closes the one at `open`. */
function behind(text: string, open: number): number {
  let depth = 0
  for (let at = open; at < text.length; at++) {
    if ('([{'.includes(text[at] ?? '')) depth++
    else if (')]}'.includes(text[at] ?? '') && --depth === 0) return at + 1
  }
  return text.length
}

/** A pattern for reading a clock, or for one of these names; not for a property with such a name. */
const timesOf = (names: ReadonlySet<string>) =>
  new RegExp([READING, ...[...names].map((name) => String.raw`(?<![.\w'])${name}\b(?!:)`)].join('|'))

/** Whether an expression compares a time with anything. */
const isCompared = (expression: string, isTime: RegExp) =>
  expression.split(/&&|\|\||,|=>/).some((part) => / [<>]=? /.test(part) && isTime.test(part))

/** The names of values read from a clock, or computed from one, here or in imports (`known`). */
function measured(text: string, known: readonly string[]): Set<string> {
  const names = new Set(known)
  const lines = text.split('\n')
  // A statement continues over the following lines that are indented further.
  const statements = lines.map((line, at) => {
    const indent = /^ */.exec(line)?.[0].length ?? 0
    const end = lines.findIndex((next, i) => i > at && next.trim() !== '' && next.search(/\S/) <= indent)
    return lines.slice(at, end < 0 ? undefined : end).join('\n')
  })
  for (let before = -1; before < names.size; ) {
    before = names.size
    const isTime = timesOf(names)
    for (const statement of statements) {
      const [, declared, assigned, pushed, each] =
        /^\s*(?:(?:export )?(?:const|let|(?:async )?function) (\w+)|(\w+) [-+]?= |(\w+)\.push\(|for \(const (\w+) of )/.exec(
          statement,
        ) ?? []
      const name = declared ?? assigned ?? pushed ?? each
      const what = each ? (statement.split('\n')[0] ?? '') : statement
      if (name && isTime.test(what.slice(what.indexOf(name) + name.length))) names.add(name)
    }
  }
  return names
}

/**
 * The places in a test's text that are judged by the clock, one line each. @param known imported functions
 * that measure
 */
function faults(text: string, known: readonly string[] = []): string[] {
  const isTime = timesOf(measured(text, known))
  const found: string[] = []
  for (const { index } of text.matchAll(/\bexpect\(/g)) {
    const end = behind(text, index + 'expect'.length)
    const subject = text.slice(index + 'expect('.length, end - 1).trim()
    const [whole = '', matcher = ''] = /^\s*\.((?:not\.)?\w+)\(/.exec(text.slice(end)) ?? []
    const given = text.slice(end + whole.length, behind(text, end + whole.length - 1) - 1)
    const isUpper = UPPER.test(matcher) && !COUNT.test(subject) && isTime.test(`${subject}\n${given}`)
    const isTurned = LOWER.test(matcher) && LITERAL.test(subject) && isTime.test(given)
    if (isUpper || isTurned || isCompared(subject, isTime))
      found.push(`measured: expect(${subject}).${matcher}(${given})`)
  }
  for (const line of text.split('\n').map((one) => one.trim())) {
    const condition = /\b(?:if|while|until) ?\((.*)/.exec(line)?.[1] ?? ''
    if (isCompared(condition, new RegExp(READING))) found.push(`deadline: ${line}`)
    if (SLEEPS.some((pattern) => pattern.test(line))) found.push(`sleep: ${line}`)
    if (/\b(?:test|describe|it)\.(?:skip|only|todo|failing)\b/.test(line)) found.push(`not run: ${line}`)
    const limit = Number((/^\}, ([\d_]{4,})\)$/.exec(line)?.[1] ?? 'NaN').replaceAll('_', ''))
    if (limit < RUNNER) found.push(`shorter than the runner's own time-out: ${line}`)
  }
  return found
}

const { scripts } = (await Bun.file('package.json').json()) as { scripts: Record<string, string> }
/** Milliseconds after which the test runner ends a test that hangs. */
const RUNNER = Number(/--timeout (\d+)/.exec(scripts['test:bun'] ?? '')?.[1])

test.each([
  ['expect(performance.now() - begun).toBeLessThan(500)'],
  ['expect(Math.abs(t - Date.now() / 1000)).toBeLessThanOrEqual(60)'],
  ['const took = Bun.nanoseconds() - begun\nexpect(took / 1e6).toBeWithin(900, 2500)'],
  ['let took = 0\ntook = performance.now() - begun\nexpect(took).not.toBeGreaterThan(3)'],
  ['const took = []\ntook.push(performance.now() - begun)\nexpect(took.sort()[10]).toBeLessThan(20)'],
  ['const a = performance.now()\nconst b = a - 1\nfor (const c of [b]) expect(c).toBeCloseTo(0.25, 0)'],
  ['const since = () =>\n  performance.now() - begun\nexpect(since()).toBeLessThan(3)'],
  ['function since() {\n  return Date.now() - begun\n}\nexpect(since()).toBeLessThan(3)'],
  ['expect(performance.now() - begun < 500).toBe(true)'],
  ['expect(\n  performance.now() - begun,\n).toBeLessThan(500)'],
  ['expect(500).toBeGreaterThan(performance.now() - begun)'],
  ['expect(process.hrtime()[0]).toBeLessThan(3)'],
  ['while (!come() && performance.now() < end) await turn()'],
  ["if (Date.now() > end) throw new Error('late')"],
  ['await Bun.sleep(100)'],
  ["import { setTimeout as wait } from 'node:timers/promises'"],
  ['await new Promise((resolve) => setTimeout(resolve, 100))'],
  ['await new Promise((r) => setTimeout(r, 100))'],
  ['await pause(100)'],
  ["test.skip('some day', () => {})"],
  ["test.only('this', () => {})"],
  ['setTimeout(late.resolve, 10)'],
  ['setTimeout(() => late.resolve(), 10)'],
  ["test('hangs', () => {\n}, 20_000)"],
])('a test that is judged by the clock is found: %s', (text) => {
  expect(faults(text)).toHaveLength(1)
})

test.each([
  ['const now = Date.now()\nexpect(rows.length).toBeLessThan(3)\nexpect(asked).toBeLessThan(8)'],
  ['const took = [performance.now()]\nexpect(took.length).toBeLessThan(3)'],
  ['expect(performance.now() - begun).toBeGreaterThan(4500)'],
  ['await new Promise((resolve) => setTimeout(resolve, 0))'],
  ['setTimeout(() => socket.write(reply), 120)'],
  ["test('spawns ten', () => {\n}, 600_000)"],
])('one that is not is let be: %s', (text) => {
  expect(faults(text)).toEqual([])
})

/** The functions of a test aid that measure times. */
function measuring(aid: string): string[] {
  const isDifference = new RegExp(`(?:${READING})[^\\n]*\\) - |- (?:${READING})`)
  return aid
    .split(/\n(?=export )/)
    .filter((part) => isDifference.test(part))
    .flatMap((part) => /^export (?:const|(?:async )?function) (\w+)/.exec(part)?.[1] ?? [])
}

test('one that measures by what it imports is found', () => {
  const aid = `import x from 'y'
export const at = () => performance.now()
export function since(begun: number) {
  return (performance.now() - begun) / 1000
}`
  expect(measuring(aid)).toEqual(['since'])
  expect(faults('expect(since(begun)).toBeLessThan(3)', measuring(aid))).toHaveLength(1)
})

/** The measuring functions of test aids that a file imports. */
async function imported(file: string, text: string): Promise<string[]> {
  const aids = [...text.matchAll(/^import [\s\S]*? from '(\.[^']+)'/gm)]
    .map(([, path = '']) => join(dirname(file), path))
    .filter((path) => /\.test-aid\.ts$|^test\//.test(path))
  return (await Promise.all(aids.map((path) => Bun.file(path).text()))).flatMap(measuring)
}

test('no test is judged by the clock', async () => {
  const files = [...new Bun.Glob('{src,test,examples,bench}/**/*.{test,test-aid}.ts').scanSync()]
  expect(files.length).toBeGreaterThan(150)
  const wrong: string[] = []
  for (const file of files.filter((name) => !(name in EXCEPT)).sort()) {
    const text = await Bun.file(file).text()
    for (const fault of faults(text, await imported(file, text))) wrong.push(`${file}: ${fault}`)
  }
  expect(wrong).toEqual([])
})
