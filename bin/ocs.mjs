#!/usr/bin/env node
// Starts `ocs` with the Bun that npm installed, or the one that runs this file, in cases that `bin/ocs`
// cannot handle; first installs the packages if they are missing. Plain JavaScript, because Node runs it.
// `--run NAME` runs a script of package.json under that Bun.
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

/** The path of Bun. npm's packages contain the binary itself, so install scripts can stay disabled. */
function bunBinary() {
  if (process.versions.bun) return process.execPath
  const require = createRequire(join(root, 'package.json'))
  const cpu = { x64: 'x64', arm64: 'aarch64' }[process.arch]
  const musl = process.platform === 'linux' && !process.report?.getReport().header.glibcVersionRuntime
  const name = `@oven/bun-${process.platform}-${cpu}${musl ? '-musl' : ''}`
  // If install scripts run, Bun's own moves the binary from one package to the other.
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
 * Runs a program to its end and forwards signals to it, so that "kill" reaches it. `detached`: the program
 * has its own process group, and signals go to the whole group, with all that a shell or npm starts in it.
 * Ctrl-C is then forwarded, too; otherwise the terminal itself sends it to the program. `begun` gets its
 * process id.
 */
function run(program, args, options, begun = () => {}) {
  let child
  // Installed before the child is started: the child may run before this code goes on.
  for (const name of ['SIGTERM', 'SIGHUP', 'SIGINT'])
    process.on(name, () => {
      try {
        if (options.detached) process.kill(-child.pid, name)
        else if (name !== 'SIGINT') child.kill(name)
      } catch {
        // It has ended in the meantime.
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
/** Contains the process id of the installing npm; may be left over after a kill. */
const lock = join(modules, '.ocs-installing')
const isThere = () => wanted.every((name) => existsSync(join(modules, name)))

/** The process that is installing the packages. */
function installer() {
  try {
    const pid = Number(readFileSync(lock, 'utf8'))
    // A zombie has an empty command line.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') === '' ? undefined : pid
  } catch {
    return undefined
  }
}

/** Waits until no installation is running. */
async function othersDone() {
  const pid = installer()
  if (pid === undefined) return
  process.stderr.write(`ocs: process ${pid} is installing the packages in ${root}: waiting for it …\n`)
  while (installer() !== undefined) await new Promise((done) => setTimeout(done, 200))
}

/**
 * Writes a process id into the lock atomically; `how` gives the file its final name.
 * @returns false if the lock exists already
 */
function hold(pid, how) {
  const own = `${lock}-${process.pid}`
  try {
    mkdirSync(modules, { recursive: true })
    writeFileSync(own, String(pid))
    how(own, lock)
  } catch (error) {
    // If nothing can be written, npm reports it.
    return error.code !== 'EEXIST'
  } finally {
    rmSync(own, { force: true })
  }
  return true
}

await othersDone()
// Left by an interrupted installation, which has created folders without contents.
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
  // Not "npm ci": it fails where a registry lacks an optional package of another platform. The lockfile still
  // applies.
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
// In a clone npm writes this file last; without it, and without Bun, an "npm install" of the user has not
// ended yet.
const installed = join(modules, '.package-lock.json')
const bun = bunBinary()
if (!bun && existsSync(join(root, 'package-lock.json')) && !existsSync(installed))
  fail(
    `not all packages are in ${modules}: an installation is under way, or was cut off: wait for it, or run "npm install" in ${root}`,
  )
try {
  // All packages are there: `bin/ocs` need not check again until the lockfile changes.
  utimesSync(installed, new Date(), new Date())
} catch {
  // Bun, or another user, installed them, or the folder is not ours.
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
const env = { MIMALLOC_PURGE_HOLES_MIN_INTERVAL: '5000', ...process.env, PATH: path }
const { code, signal, error } =
  first === '--run'
    ? await run('sh', ['-c', `${scripts[`${name}:bun`]} "$@"`, 'sh', ...rest], {
        cwd: root,
        stdio: 'inherit',
        detached: true,
        env,
      })
    : // No installing: Bun would download and run any npm package whose name a script misspells, or "ocs" itself.
      // Also no reading of Bun's settings in the working directory (bunfig.toml, .env): anyone may have
      // written them.
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
