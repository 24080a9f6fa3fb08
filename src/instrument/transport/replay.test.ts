import { expect, test } from 'bun:test'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, TransportError } from '../../core/errors.ts'
import { decimal } from '../codec.ts'
import { LineLink } from './line-link.ts'
import { openLine } from './open.ts'
import { openReplay } from './replay.ts'

const folder = mkdtempSync(join(tmpdir(), 'replay-'))
let count = 0
function dialog(text: string): string {
  const path = join(folder, `${count++}.yaml`)
  writeFileSync(path, text)
  return path
}
const error = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error('no error'),
    (reason) => reason as Error,
  )
const identity = '"*IDN?": "LSCI,MODEL240-8P,LSA21OQ,1.0"\n'

test('commands are answered as recorded: always alike, in turn, or not at all', async () => {
  const path = dialog(
    `${identity}"A?": "+1.0"\n"B?": ["1", "2"]\n"SET 1": null\n"C?": "never"\n"D?": ["1", "2"]\n`,
  )
  const replay = await openReplay(path)
  const link = await LineLink.open(replay, { gap: 0, quiet: 0 })
  expect([await link.query('A?'), await link.query('A?')]).toEqual(['+1.0', '+1.0'])
  expect([await link.query('B?'), await link.query('B?'), await link.query('D?')]).toEqual(['1', '2', '1'])
  await link.send('SET 1')
  expect(replay.unread()).toEqual(['C?', 'D?'])
  expect((await error(link.query('B?'))).message).toBe(`${path}: "B?" was sent 3 times, but has 2 replies`)
})

test('a command that was not recorded reaches its caller as an error, and the dialog goes on', async () => {
  const path = dialog(`${identity}"A?": "+1.0"\n`)
  const link = await openLine(`replay:${path}`)
  const unknown = await error(link.query('X?'))
  expect(unknown).toBeInstanceOf(TransportError)
  expect(unknown.message).toBe(`${path}: "X?" is not in this dialog: add the command and its reply`)
  expect(await link.read('A?', decimal.decode)).toBe(1)
})

test('a dialog that is none says so, with its path', async () => {
  const cases: [string, string][] = [
    ['"A?": +1.5\n', 'the reply to "A?" must be quoted text, a list of it, or null'],
    ['"A?": ["1", 2]\n', 'the reply to "A?" must be quoted text'],
    ['- A\n', 'a dialog is a map from command to reply'],
    ['*IDN?: "x"\n', 'must be quoted'],
  ]
  for (const [text, message] of cases) {
    const path = dialog(text)
    const bad = await error(openReplay(path))
    expect(bad).toBeInstanceOf(ConfigError)
    expect(bad.message).toStartWith(`${path}: `)
    expect(bad.message).toContain(message)
  }
  expect(await error(openReplay(join(folder, 'missing.yaml')))).toBeInstanceOf(ConfigError)
})
