/**
 * No behaviour of ocs depends on wording: messages are for people, and programs use `kind`, states and
 * transitions.
 */
import { expect, test } from 'bun:test'
import { join } from 'node:path'

const ROOT = join(import.meta.dir, '..')
/** Exempt files, and why. */
const EXCEPT: Readonly<Record<string, string>> = {
  'src/broker/broker.ts': 'Aedes tells in words alone why it refused a CONNECT, and it is pinned',
  'src/check/grafana.ts': 'Grafana tells in words alone why it does not reach a server',
}
/** Two words of prose, as a text or a pattern in a comparison. */
const PROSE = [
  /\.(?:startsWith|endsWith|includes|indexOf|search|split)\(\s*(['"`])[A-Z]?[a-z]+ [a-z]+/,
  /(?:===|!==|case) (['"`])[A-Z]?[a-z]+ [a-z]+ [a-z]+/,
  /\/\^?[A-Z]?[a-z]+ [a-z]+[^/\n]*\/[a-z]*\.(?:test|exec)\(/,
  /\.match\(\s*\/\^?[A-Z]?[a-z]+ [a-z]+/,
]
/** The lines of a text that compare with prose. */
const faultsOf = (text: string) => text.split('\n').filter((line) => PROSE.some((one) => one.test(line)))

test('nothing is decided by the wording of a message', async () => {
  const found: string[] = []
  for await (const file of new Bun.Glob('{src,bin}/**/*.{ts,mjs}').scan(ROOT)) {
    if (/\.test(-aid)?\.ts$/.test(file) || Object.hasOwn(EXCEPT, file)) continue
    for (const line of faultsOf(await Bun.file(join(ROOT, file)).text()))
      found.push(`${file}: ${line.trim()}`)
  }
  expect(found).toEqual([])
})

test('what the search finds', () => {
  for (const line of [
    `messages.findLast(([, text]) => !text.startsWith('Status is now'))`,
    `if (msg.includes('already in progress')) return`,
    `if (error.message === 'no such channel') return`,
    'if (/connection refused/i.test(said)) return',
    'const [, port] = said.match(/^in use by (.*)/) ?? []',
  ])
    expect(faultsOf(line)).toEqual([line])
  expect(faultsOf(`const words = text.split(' ')\nif (state === 'not running') return`)).toEqual([])
})
