/** Processes started by `bin/ocs.mjs` end with it; if two find packages missing, one installs them. */

import { expect, test } from 'bun:test'
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { folder } from './temporary.ts'

const ROOT = join(import.meta.dir, '..')

/** A copy of the program with its own scripts and dependencies, and an `npm` that never ends. */
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

/**
 * A shell with a child, which report that they run, and keep the standard error open until both have ended.
 */
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

/**
 * A program whose only package is missing; its `npm` creates folders as npm does, reports that, and continues
 * when allowed.
 */
function notInstalled() {
  const root = folder()
  const gate = join(root, 'gate')
  mkdirSync(join(root, 'bin'))
  copyFileSync(join(ROOT, 'bin', 'ocs.mjs'), join(root, 'bin', 'ocs.mjs'))
  writeFileSync(
    join(root, 'package.json'),
    JSON.stringify({ dependencies: { thing: '1' }, devDependencies: {} }),
  )
  writeFileSync(join(root, 'package-lock.json'), '{}')
  writeFileSync(join(root, 'bin', 'ocs.ts'), 'process.stdout.write("it runs\\n")')
  const install = [
    ...['mkdir -p node_modules/thing', 'echo npm began >&2', 'echo once >> installs', `cat ${gate}`],
    `ln -s ${join(ROOT, 'node_modules', '@oven')} node_modules/@oven`,
    'touch node_modules/.package-lock.json',
  ]
  writeFileSync(join(root, 'bin', 'npm'), `#!/bin/sh\n${install.join('\n')}\n`, { mode: 0o755 })
  expect(Bun.spawnSync(['mkfifo', gate]).exitCode).toBe(0)
  return { root, gate, installs: () => readFileSync(join(root, 'installs'), 'utf8') }
}

/** The output of a started program, and how it ends. */
function heard(child: ChildProcess) {
  let said = ''
  const ears = new Set<() => void>()
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text
    for (const ear of ears) ear()
  })
  return {
    said: () => said,
    ended: new Promise<number | null>((end) => child.on('close', end)),
    says: (text: string) =>
      new Promise<void>((resolve) => {
        const ear = () => {
          if (said.includes(text)) resolve()
        }
        ears.add(ear)
        ear()
      }),
  }
}

test('a command beside an installation waits for it, and installs nothing itself', async () => {
  const { root, gate, installs } = notInstalled()
  const first = heard(start(root, '--help'))
  await first.says('npm began')
  const second = heard(start(root, '--help'))
  await Promise.race([second.says('waiting'), second.ended])
  expect(second.said()).toMatch(/^ocs: process \d+ is installing the packages in .*: waiting for it …\n$/)
  writeFileSync(gate, '')
  expect(await Promise.all([first.ended, second.ended])).toEqual([0, 0])
  expect(installs()).toBe('once\n')
})

test('the npm of a command that was killed is waited for', async () => {
  const { root, gate, installs } = notInstalled()
  const killed = start(root, '--help')
  const first = heard(killed)
  await first.says('npm began')
  killed.kill('SIGKILL')
  const second = heard(start(root, '--help'))
  await Promise.race([second.says('waiting'), second.ended])
  writeFileSync(gate, '')
  await first.ended
  expect(await second.ended).toBe(0)
  expect(installs()).toBe('once\n')
})

test('an installation that was cut off is begun anew', async () => {
  const { root, gate, installs } = notInstalled()
  mkdirSync(join(root, 'node_modules', 'thing'), { recursive: true })
  // No process has this id, which is beyond the largest.
  writeFileSync(join(root, 'node_modules', '.ocs-installing'), String(2 ** 30))
  const anew = heard(start(root, '--help'))
  await Promise.race([anew.says('npm began'), anew.ended])
  expect(anew.said()).toContain('npm began')
  writeFileSync(gate, '')
  expect(await anew.ended).toBe(0)
  expect(installs()).toBe('once\n')
})

test('an installation by somebody else is told of', async () => {
  const { root } = notInstalled()
  mkdirSync(join(root, 'node_modules', 'thing'), { recursive: true })
  const beside = heard(start(root, '--help'))
  expect(await beside.ended).toBe(2)
  expect(beside.said()).toContain('an installation is under way, or was cut off: wait for it')
})
