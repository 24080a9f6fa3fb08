import { afterAll, beforeAll, expect, test } from 'bun:test'
import { statSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { defineAgent } from '../../core/agent.ts'
import { commandLab, type TestLab } from './ctrl.test-aid.ts'

const ME = `${userInfo().username}@${hostname()}`
let lab: TestLab
beforeAll(async () => {
  lab = await commandLab()
  await lab.start('fake')
  await lab.start('fake2')
})
afterAll(() => lab[Symbol.asyncDispose]())

/** Runs a command line of another account. */
async function other(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const line = lab.begin(argv, { state: join(lab.folder, 'tom') })
  return { code: await line.code, out: line.out(), err: line.err() }
}

test('a lock keeps others out, and lets every command of its holder in', async () => {
  const { code, out } = await lab.ocs('ctrl', 'lock', 'fake', '--for', '2min', '--by', 'maya')
  expect(code).toBe(0)
  expect(out).toMatch(/^fake is locked by maya until \S+T\S+; ocs ctrl unlock fake ends it\n$/)
  expect(statSync(join(lab.folder, 'maya', 'keys', 'observatory.fake')).mode & 0o777).toBe(0o600)
  const refused = await other('ctrl', 'start', 'fake', 'delay_task')
  expect(refused.code).toBe(1)
  expect(refused.err).toMatch(/ocs: fake delay_task: Not done: locked by maya until \S+Z\.\n$/)
  expect((await other('ctrl', 'status', 'fake')).out).toMatch(/^locked by maya until \S+Z$/m)
  expect((await other('ctrl', 'lock', 'fake')).err).toMatch(
    /ocs: fake: Not done: locked by maya until \S+Z\.\n$/,
  )
  expect((await other('ctrl', 'unlock', 'fake')).code).toBe(1)
  expect((await lab.ocs('ctrl', 'start', 'fake', 'delay_task', '--delay=0', '--wait')).code).toBe(0)
  expect(await lab.ocs('ctrl', 'unlock', 'fake')).toEqual({ code: 0, out: 'fake is unlocked\n', err: '' })
  expect((await other('ctrl', 'start', 'fake', 'delay_task', '--delay=0', '--wait')).code).toBe(0)
})

test('force takes a lock away', async () => {
  await lab.ocs('ctrl', 'lock', 'fake2')
  expect((await other('ctrl', 'unlock', 'fake2', '--force')).out).toBe('fake2 is unlocked\n')
})

test.each([
  [['lock', 'fake', '--for', 'ever'], 2, '--for takes a time such as 90, 10min or 2h, given "ever"'],
  [['lock', 'nobody'], 3, 'no agent "nobody" is known (there are fake, fake2)'],
  [['history', '--limit', '0'], 2, '--limit takes a number from 1 to 10000, given "0"'],
  [['history', 'fake', 'dely_task'], 2, 'fake has no operation "dely_task": did you mean "delay_task"?'],
])('ocs ctrl %p', async (words, code, message) => {
  expect(await lab.ocs('ctrl', ...words)).toEqual({ code, out: '', err: `ocs: ${message}\n` })
})

test('history: the newest session first, of one operation, one agent or all', async () => {
  await lab.ocs('ctrl', 'start', 'fake', 'delay_task', '--delay=0', '--succeed=false', '--wait')
  await lab.ocs('ctrl', 'start', 'fake2', 'set_heartbeat', '--wait')
  const { out } = await lab.ocs('ctrl', 'history', '--limit', '2')
  const rows = out
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/).slice(1))
    .map((cells) => cells.map((cell) => cell.replace(/\d+\.\d (s|seconds)\b/, 'N s')))
  expect(rows).toEqual([
    ['INSTANCE', 'OPERATION', 'STATE', 'TOOK', 'BY', 'WITH', 'ENDED BY', 'LAST MESSAGE'],
    ['fake2', 'set_heartbeat', 'succeeded', 'N s', ME, 'heartbeat=true', 'The heartbeat is on.'],
    ['fake', 'delay_task', 'failed', 'N s', ME, 'delay=0 succeed=false', 'Exited after N s, failed as asked'],
  ])
  const { out: json } = await lab.ocs('ctrl', 'history', 'fake', 'delay_task', '--limit', '1', '--json')
  expect(JSON.parse(json)).toMatchObject([
    { instance: 'fake', op_name: 'delay_task', success: false, params: { delay: 0, succeed: false } },
  ])
  expect((await lab.ocs('ctrl', 'history', 'fake', 'count')).out).toBe('nothing has run yet\n')
})

test('history: when it was degraded though it is well again, and who ended it', async () => {
  const well = Promise.withResolvers<void>()
  const moody = defineAgent({
    class: 'MoodyAgent',
    help: 'Is unwell once.',
    args: z.object({}),
    feeds: {},
    connect: async () => ({}),
  }).process('acq', { help: 'Is unwell once.' }, async ({ session, signal }) => {
    session.degrade('the dewar does not answer')
    await well.promise
    session.degraded = false
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
  })
  await lab.start('moody', {}, moody)
  await lab.ocs('ctrl', 'start', 'moody', 'acq')
  const now = await lab.ocs('ctrl', 'history', 'moody')
  expect(now.out).toMatch(
    /\n\nDEGRADED +INSTANCE +OPERATION +FOR +WHY\n\S+ +moody +acq +\S.* so far +the dewar does not answer\n$/,
  )
  well.resolve()
  await lab.ocs('ctrl', 'stop', 'moody', 'acq', '--wait')
  const { out } = await lab.ocs('ctrl', 'history', 'moody')
  const [, row = ''] = out.split('\n')
  expect(row.split(/ {2,}/).slice(1, 7)).toEqual(['moody', 'acq', 'succeeded', expect.any(String), ME, ME])
  expect(out).toMatch(/\n\S+ +moody +acq +\d\S* s +the dewar does not answer\n$/)
  const other = await lab.ocs('ctrl', 'history', 'fake2')
  expect(other.out).not.toContain('DEGRADED')
})
