import { afterEach, expect, jest, test } from 'bun:test'
import type { OpSession } from '../../core/ops.ts'
import type { InstanceView } from '../../lab/lab-view.ts'
import type { Controlled } from '../../launch/join-lab.ts'
import type { Context } from '../../terminal/context.ts'
import { ending, waitForEnd } from './wait.ts'

const session: OpSession = {
  session_id: 7,
  op_name: 'ramp',
  op_code: 3,
  status: 'running',
  degraded: false,
  success: null,
  start_time: 1_700_000_000,
  end_time: null,
  data: {},
  messages: [[1_700_000_000, 'Status is now "running".']],
  message_kinds: ['status'],
  started_by: 'ctrl-1',
}
const context: Context = {
  signal: new AbortController().signal,
  env: {},
  out: () => {},
  err: () => {},
  terminal: false,
  size: () => ({ columns: 80, rows: 24 }),
}

afterEach(() => {
  jest.useRealTimers()
})

/** A lab of one agent whose view a test changes. */
function labOf(process = 'p1') {
  const view = {
    state: 'online',
    api: undefined,
    presence: { session: process },
    sessions: new Map([['ramp', session]]),
  }
  let changed: (instance: string) => void = () => {}
  const on = {
    log: () => {},
    lab: {
      get instances() {
        return new Map([['ls', view as unknown as InstanceView]])
      },
      onChange(listener: (instance: string) => void) {
        changed = listener
        return { [Symbol.dispose]() {} }
      },
    },
  } as unknown as Controlled
  const now = (change: (to: typeof view) => void) => {
    change(view)
    changed('ls')
  }
  const wait = () =>
    waitForEnd(on, { instance: 'ls', op: 'ramp', kind: 'task', session, timeout: undefined }, context)
  return { now, wait }
}

test('the end of the session that was waited for', async () => {
  const { now, wait } = labOf()
  const over = wait()
  // What an earlier session of the same operation was like says nothing.
  now(({ sessions }) => sessions.set('ramp', { ...session, session_id: 6, status: 'done', success: true }))
  now(({ sessions }) =>
    sessions.set('ramp', { ...session, status: 'done', success: true, end_time: 1_700_000_065 }),
  )
  expect(ending('ls', 'ramp', await over)).toBe('ls ramp succeeded after 1 min 5 s')
})

test('an agent that was restarted did not end its operation', async () => {
  const { now, wait } = labOf()
  const over = wait()
  now((view) => {
    view.presence = { session: 'p2' }
  })
  expect(over).rejects.toThrow('ls was restarted: ramp did not end by itself')
})

test('an operation that was started again in the meantime', async () => {
  const { now, wait } = labOf()
  const over = wait()
  now(({ sessions }) => sessions.set('ramp', { ...session, session_id: 8, started_by: 'maya' }))
  expect(over).rejects.toThrow('ramp of ls has ended and was started again by maya')
})

test('an agent that is lost for longer than a moment is not waited for', async () => {
  jest.useFakeTimers()
  const { now, wait } = labOf()
  const errors: unknown[] = []
  const over = wait().catch((reason: unknown) => errors.push(reason))
  now((view) => {
    view.state = 'lost'
  })
  jest.advanceTimersByTime(3000)
  await new Promise(setImmediate)
  expect(errors).toEqual([])
  // At the next look.
  jest.advanceTimersByTime(500)
  await over
  expect(errors).toMatchObject([
    { name: 'TransportError', message: 'ls is lost: what ramp is doing is unknown' },
  ])
})

test('an agent that is back in a moment is waited for', async () => {
  const { now, wait } = labOf()
  const over = wait()
  now((view) => {
    view.state = 'lost'
  })
  now((view) => {
    view.state = 'online'
    view.sessions.set('ramp', { ...session, status: 'done', success: false, end_time: 1_700_000_001 })
  })
  expect(() => ending('ls', 'ramp', session)).toThrow('ls ramp failed')
  expect((await over).success).toBe(false)
})
