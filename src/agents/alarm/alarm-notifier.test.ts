import { expect, test } from 'bun:test'
import { Action } from '../../core/alarm-rules.ts'
import type { Notice } from './alarm-actions.ts'
import { Calls } from './alarm-notifier.ts'

const actions = [
  Action.parse({ name: 'phone', command: ['call'], timeout: 5 }),
  Action.parse({ name: 'chat', webhook: 'http://127.0.0.1:9/' }),
]
const notice = (name: string, id = name) => ({ id, name, what: 'raised' }) as Notice

/** Calls on a clock that sleeps take forward; `perform` says what each try comes to. */
function made(perform: (action: string, notice: Notice) => Promise<void>) {
  let wall = 1000
  const stop = new AbortController()
  const held = new Set<string>()
  const tried: string[] = []
  const waits: number[] = []
  const lost: string[] = []
  let changes = 0
  let check = () => {}
  const calls = new Calls(actions, {
    perform: async (action, of) => {
      tried.push(`${action.name} ${of.id}`)
      check()
      await perform(action.name, of)
    },
    wall: () => wall,
    sleep: async (ms, signal) => {
      await Promise.resolve()
      if (signal.aborted) return
      waits.push(ms / 1000)
      wall += ms / 1000
    },
    isHeld: (name) => held.has(name),
    changed: () => {
      changes++
      check()
    },
    givenUp: (action, { name }, why) => {
      lost.push(`${action} ${name}: ${why}`)
    },
    log: () => {},
  })
  const until = (condition: () => boolean) =>
    new Promise<void>((resolve) => {
      check = () => condition() && resolve()
      check()
    })
  const running = calls.run(stop.signal)
  const end = async () => {
    stop.abort()
    await running
  }
  return { calls, held, tried, waits, lost, until, end, changes: () => changes }
}

test('each action is done once for a call, in order', async () => {
  const on = made(async () => {})
  on.calls.add('phone', notice('a'))
  on.calls.add('chat', notice('a'))
  on.calls.add('phone', notice('b'))
  await on.until(() => on.calls.waiting.length === 0)
  expect(on.tried.toSorted()).toEqual(['chat a', 'phone a', 'phone b'])
  expect(on.calls.state['phone']).toEqual({ done: 2, failed: 0, waiting: 0, problem: null })
  await on.end()
})

test('what fails is tried again, ever later, and given up in the end; the other action does not wait for it', async () => {
  const on = made(async (action) => {
    if (action === 'phone') throw new Error('busy')
  })
  on.calls.add('phone', notice('a'))
  on.calls.add('chat', notice('a'))
  await on.until(() => on.calls.state['phone']?.failed === 1)
  expect(on.tried.filter((one) => one === 'phone a')).toHaveLength(12)
  expect(on.waits).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300])
  expect(on.lost).toEqual(['phone a: busy'])
  expect(on.calls.state).toEqual({
    phone: { done: 0, failed: 1, waiting: 0, problem: 'busy' },
    chat: { done: 1, failed: 0, waiting: 0, problem: null },
  })
  await on.end()
})

test('while an alarm is silenced its calls wait, others go on; what is dropped is not done', async () => {
  const on = made(async () => {})
  on.held.add('a').add('c')
  for (const name of ['a', 'b', 'c']) on.calls.add('phone', notice(name))
  await on.until(() => on.calls.waiting.length === 2)
  expect(on.tried).toEqual(['phone b'])
  on.calls.drop('c')
  on.held.clear()
  on.calls.nudge()
  await on.until(() => on.calls.waiting.length === 0)
  expect(on.tried).toEqual(['phone b', 'phone a'])
  await on.end()
})

test('what an earlier process had to do is done; what is under way at a stop is kept', async () => {
  const hang = Promise.withResolvers<void>()
  const on = made(() => hang.promise)
  on.calls.restore([
    { action: 'phone', notice: notice('a'), tries: 3, due: 0 },
    { action: 'gone', notice: notice('a'), tries: 0, due: 0 },
  ])
  on.calls.nudge()
  await on.until(() => on.tried.length === 1)
  const ended = on.end()
  hang.reject(new Error('cut short'))
  await ended
  expect(on.calls.waiting).toMatchObject([{ action: 'phone', tries: 3 }])
})
