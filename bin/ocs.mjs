#!/usr/bin/env node
// Starts `ocs` with the Bun that npm installed, or the one that runs this file, where `bin/ocs` cannot become it; installs
// the packages first where they are missing. Plain JavaScript, because Node runs it. `--run NAME` runs a script of package.json under that Bun.
import { spawn } from 'node:child_process'
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
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

/**
 * Runs a program to its end, and hands signals on to it, so that "kill" stops what it means. `detached`: to a group of its
 * own, with all that a shell or npm starts in it, also Ctrl-C, which a terminal sends to others by itself. `begun` gets its
 * process id.
 */
function run(program, args, options, begun = () => {}) {
  let child
  // Before the child is there, which may have begun before this goes on.
  for (const name of ['SIGTERM', 'SIGHUP', 'SIGINT'])
    process.on(name, () => {
      try {
        if (options.detached) process.kill(-child.pid, name)
        else if (name !== 'SIGINT') child.kill(name)
      } catch {
        // It has ended meanwhile.
      }
    })
  child = spawn(program, args, options)
  if (child.pid) begun(child.pid)
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ error }))
    child.on('exit', (code, signal) => {
      for (const name of ['SIGTERM', 'SIGHUP', 'SIGINT']) process.removeAllListeners(name)
      resolve({ code, signal })
    })
  })
}

const wanted = [
  ...Object.keys(dependencies),
  ...(process.argv[2] === '--run' ? Object.keys(devDependencies) : []),
]
const modules = join(root, 'node_modules')
/** Holds the process id of the npm that installs; also after one that was killed. */
const lock = join(modules, '.ocs-installing')
const isThere = () => wanted.every((name) => existsSync(join(modules, name)))

/** The process that installs the packages now. */
function installer() {
  try {
    const pid = Number(readFileSync(lock, 'utf8'))
    // One that has ended has no command line, though nobody has asked how it ended.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') === '' ? undefined : pid
  } catch {
    return undefined
  }
}

/** Waits until nobody installs. */
async function othersDone() {
  const pid = installer()
  if (pid === undefined) return
  process.stderr.write(`ocs: process ${pid} is installing the packages in ${root}: waiting for it …\n`)
  while (installer() !== undefined) await new Promise((done) => setTimeout(done, 200))
}

/** Puts a process id into the lock, whole, by `how` a file gets its name. @returns whether that could be */
function hold(pid, how) {
  const own = `${lock}-${process.pid}`
  try {
    mkdirSync(modules, { recursive: true })
    writeFileSync(own, String(pid))
    how(own, lock)
  } catch (error) {
    // Where nothing can be written, npm says so.
    return error.code !== 'EEXIST'
  } finally {
    rmSync(own, { force: true })
  }
  return true
}

await othersDone()
// Left by an installation that was cut off, whose folders are there and nothing in them.
const isCutOff = existsSync(lock) && !bunBinary()
if (existsSync(lock) && installer() === undefined) rmSync(lock, { force: true })
while (!isThere() || isCutOff) {
  if (!hold(process.pid, linkSync)) {
    await othersDone()
    if (isThere() && bunBinary()) break
    rmSync(lock, { force: true })
    continue
  }
  process.stderr.write(`ocs: installing packages in ${root} (once, about a minute) …\n`)
  // Not "npm ci": it fails where a registry lacks an optional package of some other platform. The lockfile still rules.
  const [command, args] = process.versions.bun
    ? [process.execPath, ['install', '--ignore-scripts', '--no-save']]
    : ['npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']]
  const stdio = ['ignore', 'ignore', 'inherit']
  const { code, error } = await run(command, args, { cwd: root, stdio, detached: true }, (pid) =>
    hold(pid, renameSync),
  )
  rmSync(lock, { force: true })
  if (code !== 0)
    fail(`installing the packages failed${error ? `: ${error.message}` : ''}: try "npm install" in ${root}`)
  break
}
// In a clone npm writes it last; without it, and without Bun, somebody's own "npm install" has not ended yet.
const installed = join(modules, '.package-lock.json')
const bun = bunBinary()
if (!bun && existsSync(join(root, 'package-lock.json')) && !existsSync(installed))
  fail(
    `not all packages are in ${modules}: an installation is under way, or was cut off: wait for it, or run "npm install" in ${root}`,
  )
try {
  // All is there: `bin/ocs` need not ask again before the lockfile is another.
  utimesSync(installed, new Date(), new Date())
} catch {
  // Bun, or somebody else, installed them, or the folder is not ours.
}
if (!bun) {
  fail(
    `no Bun for ${process.platform} ${process.arch}: remove ${modules} and run "npm install" in ${root}, without --omit=optional`,
  )
}

// That binary before npm's own "bun", which is a stub until its install script has run.
const path = [dirname(bun), join(root, 'node_modules', '.bin'), process.env.PATH].join(':')
const [first, name, ...rest] = process.argv.slice(2)
// As in `bin/ocs`.
const env = { MIMALLOC_PURGE_HOLES_MIN_INTERVAL: '2000', ...process.env, PATH: path }
const { code, signal, error } =
  first === '--run'
    ? await run('sh', ['-c', `${scripts[`${name}:bun`]} "$@"`, 'sh', ...rest], {
        cwd: root,
        stdio: 'inherit',
        detached: true,
        env,
      })
    : // Never installing: Bun would fetch and run what npm has under a name that a script misspells, or "ocs" itself.
      // Nor reading what the folder it is typed in says to Bun (bunfig.toml, .env): anyone may have written that.
      await run(
        bun,
        [
          ...['--no-install', '--no-env-file', '--config=/dev/null', '--no-deprecation'],
          ...[join(root, 'bin', 'ocs.ts'), ...process.argv.slice(2)],
        ],
        { stdio: 'inherit', env: { ...env, PATH: process.env.PATH } },
      )
if (error) fail(error.message)
process.exit(code ?? (signal === 'SIGINT' ? 130 : 1))
