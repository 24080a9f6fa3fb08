#!/usr/bin/env node
// Starts `ocs` with the Bun that npm installed, or the one that runs this file; installs the packages first where they
// are missing. Plain JavaScript, because Node runs it. `--run NAME` runs a script of package.json under that Bun.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { devDependencies, dependencies, scripts } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
)

/** npm's packages of Bun carry the binary itself, so that install scripts may stay switched off. */
function bunBinary() {
  if (process.versions.bun) return process.execPath
  const require = createRequire(join(root, 'package.json'))
  const cpu = { x64: 'x64', arm64: 'aarch64' }[process.arch]
  const musl = process.platform === 'linux' && !process.report?.getReport().header.glibcVersionRuntime
  const name = `@oven/bun-${process.platform}-${cpu}${musl ? '-musl' : ''}`
  // Where install scripts run, Bun's own takes the binary from the one package to the other.
  const places = [
    [name, 'bin/bun'],
    ['bun', 'bin/bun.exe'],
  ].map(([from, file]) => {
    try {
      return join(dirname(require.resolve(`${from}/package.json`)), file)
    } catch {
      return ''
    }
  })
  return places.find((path) => existsSync(path) && statSync(path).size > 1e6)
}

function fail(text) {
  process.stderr.write(`ocs: ${text}\n`)
  process.exit(2)
}

const wanted = [
  ...Object.keys(dependencies),
  ...(process.argv[2] === '--run' ? Object.keys(devDependencies) : []),
]
if (!wanted.every((name) => existsSync(join(root, 'node_modules', name)))) {
  process.stderr.write(`ocs: installing packages in ${root} (once, about a minute) …\n`)
  // Not "npm ci": it fails where a registry lacks an optional package of some other platform. The lockfile still rules.
  const [command, args] = process.versions.bun
    ? [process.execPath, ['install', '--ignore-scripts', '--no-save']]
    : ['npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']]
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0)
    fail(`installing the packages failed${error ? `: ${error.message}` : ''}: try "npm install" in ${root}`)
}
const bun = bunBinary()
if (!bun) {
  fail(
    `no Bun for ${process.platform} ${process.arch}: remove ${join(root, 'node_modules')} and run "npm install" in ${root}, without --omit=optional`,
  )
}

// That binary before npm's own "bun", which is a stub until its install script has run.
const path = [dirname(bun), join(root, 'node_modules', '.bin'), process.env.PATH].join(':')
const [first, name, ...rest] = process.argv.slice(2)
const child =
  first === '--run'
    ? spawn('sh', ['-c', `${scripts[`${name}:bun`]} "$@"`, 'sh', ...rest], {
        cwd: root,
        stdio: 'inherit',
        env: { ...process.env, PATH: path },
      })
    : // Never installing: Bun would fetch and run what npm has under a name that a script misspells, or "ocs" itself.
      // Nor reading what the folder it is typed in says to Bun (bunfig.toml, .env): anyone may have written that.
      spawn(
        bun,
        [
          '--no-install',
          '--no-env-file',
          '--config=/dev/null',
          join(root, 'bin', 'ocs.ts'),
          ...process.argv.slice(2),
        ],
        {
          stdio: 'inherit',
        },
      )

// A terminal sends Ctrl-C to the child itself; other signals are handed on, so that "kill" stops what it means.
process.on('SIGINT', () => {})
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('error', (error) => fail(error.message))
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)))
