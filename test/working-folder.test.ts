import { afterAll, beforeAll, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROGRAM } from '../src/host/children.ts'

const ROOT = join(import.meta.dir, '..')
let folder = ''
beforeAll(() => {
  folder = mkdtempSync('/tmp/ocs-test-')
  writeFileSync(join(folder, 'bunfig.toml'), 'preload = ["./preloaded.ts"]\n')
  writeFileSync(join(folder, 'preloaded.ts'), 'await Bun.write("preloaded", "")\n')
  writeFileSync(join(folder, '.env'), 'OCS_STATE_DIR=of-the-working-folder\n')
})
afterAll(() => rmSync(folder, { recursive: true }))

test.each([
  ['the launcher', [join(ROOT, 'bin', 'ocs')]],
  ['the launcher under Node', ['node', join(ROOT, 'bin', 'ocs.mjs')]],
  ['a role, a unit of systemd', PROGRAM],
])('what lies in the working folder neither runs nor sets anything: %s', (_, program) => {
  const { OCS_STATE_DIR: _state, ...given } = process.env
  const env = { ...given, XDG_STATE_HOME: join(folder, 'state') }
  const { stdout, stderr } = Bun.spawnSync([...program, 'spool', 'ls'], { cwd: folder, env })
  expect(`${stdout}${stderr}`).toContain('spools')
  expect(`${stdout}${stderr}`).not.toContain('of-the-working-folder')
  expect(existsSync(join(folder, 'preloaded'))).toBeFalse()
})
