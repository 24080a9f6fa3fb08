/** What `bin/ocs.mjs` starts ends with it. */

import { expect, test } from 'bun:test'
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { folder } from './temporary.ts'

const ROOT = join(import.meta.dir, '..')

/** A copy of the program with scripts and dependencies of its own, and an `npm` that never ends. */
function program(scripts: Record<string, string>, dependencies: Record<string, string>): string {
  const root = folder()
  mkdirSync(join(root, 'bin'))
  copyFileSync(join(ROOT, 'bin', 'ocs.mjs'), join(root, 'bin', 'ocs.mjs'))
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
  writeFileSync(join(root, 'package.json'), JSON.stringify({ scripts, dependencies, devDependencies: {} }))
  writeFileSync(join(root, 'bin', 'npm'), `#!/bin/sh\n${UNTIL_TOLD}\n`)
  chmodSync(join(root, 'bin', 'npm'), 0o755)
  return root
}

/** A shell with a child, which say that they run, and have the standard error until both have ended. */
const UNTIL_TOLD = 'sh -c "echo runs >&2; sleep 1000" && true'

function start(root: string, ...args: string[]): ChildProcess {
  const env = { ...process.env, PATH: `${join(root, 'bin')}:${process.env['PATH']}` }
  return spawn('node', [join(root, 'bin', 'ocs.mjs'), ...args], { stdio: ['ignore', 'ignore', 'pipe'], env })
}

test.each([
  ['a script of several commands', { 'long:bun': UNTIL_TOLD }, {}, ['--run', 'long']],
  ['the installation of packages', {}, { 'nothing-of-the-kind': '1' }, ['--help']],
])('TERM ends every child: %s', async (_, scripts, dependencies, args) => {
  const child = start(program(scripts, dependencies), ...args)
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (text.includes('runs')) child.kill('SIGTERM')
  })
  // It closes once the last of them is gone.
  child.stderr?.on('close', resolve)
  const exited = new Promise((end) => child.on('exit', end))
  await closed
  expect(await exited).not.toBe(0)
})
