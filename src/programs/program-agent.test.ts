/** An agent that is a separate program: the example, and failures of programs. */
import { afterAll, afterEach, expect, test } from 'bun:test'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startAgent } from '../../test/running-agent.ts'
import { TransportError } from '../core/errors.ts'
import type { ToProgram } from './lines.ts'
import { Program } from './program.ts'
import { programAgent } from './program-agent.ts'

const folder = mkdtempSync('/tmp/ocs-test-')
afterAll(() => rmSync(folder, { recursive: true }))
const started: Program[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((program) => program.close(0)))
})

const EXAMPLE = { words: ['python3', join(import.meta.dir, '..', '..', 'examples', 'program', 'counter.py')] }
const silent = () => {}

/** A program of a few lines of shell; `$line` is the line that it read last. */
function shell(text: string): { words: string[] } {
  const file = join(folder, `${crypto.randomUUID()}.sh`)
  writeFileSync(file, `#!/bin/sh\n${text}\n`)
  chmodSync(file, 0o755)
  return { words: [file] }
}
const says = (line: object) => `printf '%s\\n' '${JSON.stringify(line)}'`
const hello = (more: object = {}) =>
  says({
    hello: { agent_class: 'TestAgent', ops: { go: { kind: 'process' }, once: { kind: 'task' } }, ...more },
  })

async function run(command: { words: string[] }) {
  const first = await Program.start(command, silent)
  started.push(first)
  return await startAgent(
    programAgent('TestAgent', () => command, first),
    {},
  )
}

test('the example counts, its rows are recorded with their type, and stops', async () => {
  await using agent = await run(EXAMPLE)
  expect((await agent.begin('count', { step: 2 })).status).toBe(0)
  await agent.until(() => agent.rows.length >= 3)
  expect(agent.column('n').slice(0, 3)).toEqual([2, 4, 6])
  expect(agent.declared.get('counts')?.blocks).toEqual({ count: { n: { type: 'int' } } })
  expect((await agent.begin('count', { stepp: 2 })).status).toBe(-1)
  await agent.act('count', 'stop')
  await agent.until(() => agent.session('count')?.status === 'done')
  const session = agent.session('count')
  expect(session?.success).toBeTrue()
  expect(session?.messages.map(([, text]) => text)).toContain(`counted to ${agent.column('n').at(-1)}`)
})

test('a program that is killed is started again, and its process goes on', async () => {
  const command = shell(
    `${hello()}\n` +
      `while read -r line; do case $line in *end*) exit;; *start*) ${says({ id: 1, status: 0, msg: 'Started.' })}; ${says({ session: { op: 'go', session_id: 1, status: 'running' } })};; esac; done`,
  )
  const first = await Program.start(command, silent)
  await using agent = await startAgent(
    programAgent('TestAgent', () => command, first),
    {},
  )
  await agent.begin('go')
  await agent.until(() => agent.session('go')?.status === 'running')
  process.kill(first.pid ?? Number.NaN, 'SIGKILL')
  await agent.until(() => agent.session('go')?.degraded === true)
  await agent.until(() => agent.session('go')?.degraded === false)
  expect(agent.session('go')?.status).toBe('running')
  // Two transitions report it, with the reason.
  expect(
    agent
      .session('go')
      ?.transitions?.some(([, state, why]) => state === 'degraded' && why.includes('SIGKILL')),
  ).toBeTrue()
})

test('an operation that the program starts itself is shown', async () => {
  await using agent = await run(
    shell(
      `${hello()}\n${says({ session: { op: 'go', session_id: 1, status: 'running', messages: ['by myself'], data: { n: 1 } } })}\n` +
        `read -r line; ${says({ id: 1, status: 0, msg: 'Requested.' })}; ${says({ session: { op: 'go', session_id: 1, status: 'done', success: true } })}; while read -r line; do case $line in *end*) exit;; esac; done`,
    ),
  )
  await agent.until(() => agent.session('go')?.messages.some(([, text]) => text === 'by myself') ?? false)
  expect(agent.session('go')?.data).toEqual({ n: 1 })
  await agent.act('go', 'stop')
  await agent.until(() => agent.session('go')?.status === 'done')
})

test('a refusal and a failure have the program’s words', async () => {
  await using agent = await run(
    shell(
      `${hello()}\nread -r line; ${says({ id: 1, status: -1, msg: 'not now' })}\n` +
        `read -r line; ${says({ id: 2, status: 0, msg: 'Started.' })}; ${says({ session: { op: 'once', session_id: 2, status: 'done', success: false, messages: ['first', 'no helium'] } })}; while read -r line; do case $line in *end*) exit;; esac; done`,
    ),
  )
  const refused = await agent.task('once')
  expect([refused.success, refused.messages.at(-2)?.[1]]).toEqual([false, 'not now'])
  const failed = await agent.task('once')
  expect(failed.success).toBeFalse()
  const said = failed.messages.map(([, text]) => text)
  expect(said.filter((text) => text === 'first' || text === 'no helium')).toEqual(['first', 'no helium'])
})

test('a field of another type, or a feed that nobody declared, begins an epoch; types are told', async () => {
  const row = (number: number, n: unknown, type: string, feed = 'late') =>
    says({ row: number, feed, block: 'b', t: [number], data: { n: [n] }, types: { n: type } })
  await using agent = await run(
    shell(
      `${hello()}\n${says({ feed: 'late', declared: { record: true } })}\n${row(1, 1, 'int')}\n${row(2, '9007199254740993', 'int')}\n${row(3, 1, 'double')}\n${row(4, 'NaN', 'double')}\nwhile read -r line; do case $line in *end*) exit;; esac; done`,
    ),
  )
  await agent.until(() => agent.rows.length === 4)
  expect(agent.column('n')).toEqual([1, '9007199254740993', 1, 'NaN'])
  expect(new Set(agent.rows.map(({ epoch }) => epoch)).size).toBe(2)
  expect(agent.declared.get('late')?.blocks['b']).toEqual({ n: { type: 'double' } })
})

test('tags for InfluxDB are declared with the fields, and kept while a row brings none', async () => {
  const tags = { n: { _field: 'count', channel: 1 } }
  const row = (number: number, more: object = {}) =>
    says({ row: number, feed: 'f', block: 'b', t: [number], data: { n: [1] }, types: { n: 'int' }, ...more })
  await using agent = await run(
    shell(
      `${hello()}\n${row(1, { tags })}\n${row(2)}\n${row(3, { types: { n: 'double' } })}\nwhile read -r line; do case $line in *end*) exit;; esac; done`,
    ),
  )
  await agent.until(() => agent.rows.length === 3)
  expect(agent.declared.get('f')?.blocks['b']).toEqual({ n: { type: 'double', influxdb_tags: tags.n } })
  expect(new Set(agent.rows.map(({ epoch }) => epoch)).size).toBe(2)
})

test('rows are answered once they are taken; a line that is none costs itself', async () => {
  const answered = Promise.withResolvers<ToProgram>()
  const command = shell(
    `${hello()}\necho 'no JSON'\n${says({ nothing: 'of the kind' })}\n` +
      `${says({ row: 1, feed: 'f', block: 'b', t: [1], data: { n: [1] }, types: { n: 'int' } })}\n` +
      `${says({ row: 2, feed: 'f', block: 'b', t: ['x'], data: {}, types: {} })}\n` +
      `read -r line; echo "read $line" >&2; while read -r line; do case $line in *end*) exit;; esac; done`,
  )
  const first = await Program.start(command, (text) => {
    if (text.startsWith('read ')) answered.resolve(JSON.parse(text.slice(5)) as ToProgram)
  })
  await using agent = await startAgent(
    programAgent('TestAgent', () => command, first),
    {},
  )
  expect(await answered.promise).toMatchObject({ rows: expect.any(Number) })
  expect(agent.rows).toHaveLength(1)
  expect(agent.log.filter((text) => text.includes('ignored'))).toHaveLength(3)
})

test.each([
  ['that is not there', { words: ['/nowhere/at/all'] }, 'cannot be started'],
  ['that ends first', { words: ['false'] }, 'exit code 1'],
  ['that says why', { words: ['sh', '-c', 'echo no helium >&2; exit 3'] }, 'exit code 3): no helium'],
])('a program %s is told', async (_, command, text) => {
  const error = await Program.start(command, silent).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(TransportError)
  expect(String(error)).toContain(text)
})

test('what an agent that goes on without its program published meanwhile is told by its pace, and counted', async () => {
  const row = (number: number, time: number) =>
    says({ row: number, feed: 'f', block: 'b', t: [time], data: { n: [1] }, types: { n: 'int' } })
  const rows = (...times: number[]) => times.map((time, i) => row(i + 1, time)).join('\n')
  const again = join(folder, crypto.randomUUID())
  const command = shell(
    `${hello({ stays: true })}\nif [ -e ${again} ]; then ${rows(110, 110.5, 111)}; else touch ${again}; ${rows(98, 99, 100)}; read -r line; exit 1; fi\n` +
      `while read -r line; do case $line in *end*) exit;; esac; done`,
  )
  await using agent = await run(command)
  await agent.until(() => agent.rows.length === 6)
  expect(agent.log.filter((line) => line.includes('no data from'))).toEqual([
    'error: f: no data from 1970-01-01T00:01:40Z to 1970-01-01T00:01:50Z: about 19 rows lost, if its agent was running',
  ])
})
