/**
 * `npm start` in a separate clone, as a newcomer runs it: a table, readings, files; and nothing left after
 * Ctrl-C.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join, resolve } from 'node:path'
import { compare, filesOf, spooled } from './archive.ts'
import { figure, Lab, OCS, type Running, SLOW, seconds, since, until } from './roles.ts'

setDefaultTimeout(400_000)

/** A clone with its packages installed; `.ci/run` makes it, since an isolated network has no registry. */
const CLONE = process.env['OCS_CLONE'] ?? ''
/** Seconds until the table is there, and until all has stopped. */
const SHOWN = 20
const STOPPED = 2
const READY = 'Ctrl-C stops everything.'
const READING = /^\d{4}-\d\d-\d\dT\S+ (ls240|control|measurement) .*Channel_/

/** The search path of someone who has no Bun: node and npm only. */
const path = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((folder) => folder !== '' && !existsSync(join(folder, 'bun')))
  .join(delimiter)
const env = { PATH: path, OCS_STATE_DIR: undefined }

function npmStart(lab: Lab, ...args: string[]): Running {
  if (CLONE === '') throw new Error('OCS_CLONE has to name a clone with its packages installed')
  return lab.program('npm start', ['npm', 'start', ...(args.length > 0 ? ['--', ...args] : [])], {
    cwd: CLONE,
    env,
    group: true,
  })
}

/** Running processes of the clone, by their command lines. */
function left(): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .map((pid) => {
      try {
        return `${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`
      } catch {
        return ''
      }
    })
    .filter((line) => line.includes(`${CLONE}/`))
}

/** The messages of `ocs` when it does not start, without npm's own lines. */
function complaints(running: Running): string[] {
  const lines = running.text('err').split('\n')
  return lines.filter((line) => line !== '' && !line.startsWith('npm ') && !line.startsWith('> '))
}

async function endsWithoutATrace(running: Running, signal: NodeJS.Signals): Promise<void> {
  const start = performance.now()
  running.signal(signal)
  await running.ended()
  await until('all processes are gone', 5, () => left().length === 0)
  const took = since(start)
  figure(`${signal}: all gone after ${took.toFixed(2)} s`)
  expect(took).toBeLessThan(SLOW * STOPPED)
}

test('npm start: table, readings and files; Ctrl-C ends it all', async () => {
  await using lab = new Lab()
  const start = performance.now()
  const demo = npmStart(lab)
  await demo.says(READY, 30)
  const shown = since(start)
  figure(`the table is there after ${shown.toFixed(1)} s`)
  expect(shown).toBeLessThan(SLOW * SHOWN)
  const table = demo.text('err')
  for (const agent of ['ls240', 'control', 'measurement', 'aggregator', 'ls240-node', 'sensors', 'weather']) {
    expect(table).toMatch(new RegExp(`^${agent} +online`, 'm'))
  }
  for (const role of ['hub', 'sim-LSA21OQ', 'sim-LSA22YG', 'sim-LSA22HA', 'bridge']) {
    expect(table).toMatch(new RegExp(`^${role} +running`, 'm'))
  }
  expect(table).toContain('mqtt://127.0.0.1:1883')
  expect(table).toContain('http://127.0.0.1:5000/')
  const recording = /(\S+\/\d{5}\/\d{10}\.g3)$/m.exec(table)?.[1] ?? ''
  await until('the file that is named is there', 10, () => existsSync(resolve(CLONE, recording)))
  for (const instance of ['ls240', 'control', 'measurement']) await demo.says(` ${instance} `, 15, 0)
  expect((await demo.says(READING)).from).toBe('out')
  expect(table).not.toContain('\x1b')

  const listening = lab.program('ss', ['ss', '-Hltn'])
  await listening.ended()
  const ports = listening.lines.map(({ text }) => text.split(/\s+/)[3] ?? '')
  expect(ports.length).toBeGreaterThanOrEqual(5)
  expect(ports.filter((address) => !/^(127\.0\.0\.1|\[::1\]):/.test(address))).toEqual([])
  figure(`listening on loopback only: ${ports.sort().join(' ')}`)

  const second = npmStart(lab)
  expect((await second.ended()).code).toBe(1)
  expect(complaints(second)).toEqual([expect.stringMatching(/^ocs: a demo is already running in /)])
  expect(demo.end).toBeUndefined()

  const begun = performance.now()
  const site = join(CLONE, 'fixtures', 'sites', 'demo.yaml')
  const check = lab.program('check', [...OCS, 'check', '--site-file', site], { cwd: CLONE })
  const { code } = await check.ended(30)
  const took = since(begun)
  expect({ code, problems: check.text().match(/^problem.*/gm) }).toEqual({ code: 0, problems: null })
  expect(check.text().match(/^ok +instrument: .*its agent runs$/gm)).toHaveLength(3)
  figure(`ocs check finds it healthy in ${took.toFixed(2)} s`)
  expect(took).toBeLessThan(SLOW * 5)

  await seconds(Math.max(0, 8 - took))
  await endsWithoutATrace(demo, 'SIGINT')
  await compare(lab, join(CLONE, '.demo', 'data'), spooled(join(CLONE, '.demo', 'state')))
  expect(readdirSync(join(CLONE, '.demo', 'data')).length).toBeGreaterThan(0)
})

test('a closed terminal and a kill of the demo leave nothing running', async () => {
  await using lab = new Lab()
  for (const signal of ['SIGHUP', 'SIGKILL'] as const) {
    const demo = npmStart(lab)
    await demo.says(READY, 30)
    await endsWithoutATrace(demo, signal)
  }
})

test('TERM to npm start alone stops the demo and all that it started', async () => {
  await using lab = new Lab()
  const demo = npmStart(lab)
  await demo.says(READY, 30)
  process.kill(demo.pid, 'SIGTERM')
  await demo.ended()
  await until('all processes are gone', 10, () => left().length === 0)
})

test('npm start -- --idle waits for the command that it prints', async () => {
  await using lab = new Lab()
  const before = filesOf(join(CLONE, '.demo', 'data')).length
  const demo = npmStart(lab, '--idle')
  await demo.says(READY, 30)
  const [, command = ''] = /(npx ocs ctrl start)/.exec(demo.text('err')) ?? []
  expect(command).toBe('npx ocs ctrl start')
  await seconds(3)
  expect(demo.lines.filter(({ text }) => READING.test(text))).toEqual([])
  expect(filesOf(join(CLONE, '.demo', 'data'))).toHaveLength(before)

  const asked = performance.now()
  const control = lab.program('ctrl', [...command.split(' '), '-v'], { cwd: CLONE, env, group: true })
  // From here on it is our time; before that, npx has to find and start the program.
  const joined = await control.says('session joined')
  const first = await demo.says(READING, 10)
  figure(`the first reading ${((first.at - asked) / 1000).toFixed(2)} s after npx was typed`)
  const took = (first.at - joined.at) / 1000
  figure(`${took.toFixed(2)} s after the command had reached the hub`)
  expect(took).toBeLessThan(SLOW * 2)
  expect((await control.ended(15)).code).toBe(0)
  await until('recording begins', 10, () => filesOf(join(CLONE, '.demo', 'data')).length > before)
  await endsWithoutATrace(demo, 'SIGINT')
})

test('what keeps it from starting is one line, and nothing is left running', async () => {
  await using lab = new Lab()
  for (const port of [1883, 8001, 5000, 7771]) {
    const server = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    const demo = npmStart(lab)
    expect((await demo.ended()).code).toBe(2)
    expect(complaints(demo)).toEqual([expect.stringMatching(`ocs: port ${port} on 127.0.0.1 is in use`)])
    await new Promise((resolve) => server.close(resolve))
  }
  writeFileSync(lab.path('file'), '')
  const demo = npmStart(lab, '--dir', lab.path('file', 'demo'))
  expect((await demo.ended()).code).toBe(2)
  expect(complaints(demo)).toEqual([expect.stringMatching(/cannot be written .*--dir$/)])
  expect(left()).toEqual([])
})
