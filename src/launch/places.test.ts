import { expect, spyOn, test } from 'bun:test'
import { chmodSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { folder } from '../../test/temporary.ts'
import { tightenState } from './places.ts'

/** A home whose default state folder is readable for everyone, with a spool in it. */
function home() {
  const path = folder()
  const state = join(path, 'ocs')
  const spools = join(state, 'observatory')
  mkdirSync(spools, { recursive: true })
  writeFileSync(join(spools, 'ls240.sqlite'), '')
  for (const each of [path, state, spools]) chmodSync(each, 0o755)
  return { path, state, spools }
}
const rights = (path: string) => (statSync(path).mode & 0o777).toString(8)
/** The log of an agent that starts there. */
function start(state: string, env: Record<string, string> = {}): string[] {
  const said: string[] = []
  tightenState(state, 'observatory', env, (text) => said.push(text))
  return said
}

test('a state folder and its spools that others may read are closed to them, and that is said once', () => {
  const { path, state, spools } = home()
  const env = { XDG_STATE_HOME: path }
  expect(start(state, env)).toEqual([
    expect.stringContaining(`${state} was open to other accounts`),
    expect.stringContaining(`${spools} was open to other accounts`),
  ])
  expect([path, state, spools].map(rights)).toEqual(['755', '700', '700'])
  expect(start(state, env)).toEqual([])
})

test('a folder that was chosen stays as it is, and the spools in it are closed', () => {
  const { state, spools } = home()
  expect(start(state)).toEqual([expect.stringContaining(spools)])
  expect([state, spools].map(rights)).toEqual(['755', '700'])
})

test.each([
  ['with a folder in it', ({ spools }) => mkdirSync(join(spools, 'papers'))],
  ['without a spool', ({ spools }) => rmSync(join(spools, 'ls240.sqlite'))],
  ['of another account', () => spyOn(process, 'getuid').mockReturnValueOnce(4242)],
] satisfies [string, (of: ReturnType<typeof home>) => unknown][])('a folder %s is not ours', (_, make) => {
  const it = home()
  make(it)
  expect(start(it.state)).toEqual([])
  expect(rights(it.spools)).toBe('755')
})

test('a link leads to a folder that may be anything', () => {
  const { state, spools } = home()
  const other = home()
  rmSync(spools, { recursive: true })
  symlinkSync(other.spools, spools)
  expect(start(state)).toEqual([])
  expect(rights(other.spools)).toBe('755')
})
