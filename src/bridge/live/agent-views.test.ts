import { expect, test } from 'bun:test'
import type { OpSession } from '../../core/ops.ts'
import { agentView } from './agent-views.ts'

test('an operation shows the last that it said, not that its status has changed', () => {
  const session: OpSession = {
    ...{ session_id: 1, op_name: 'acq', op_code: 3, status: 'running', degraded: false, success: null },
    ...{ start_time: 100, end_time: null, data: {}, started_by: 'startup' },
    messages: [
      [1, 'Status is now "starting".'],
      [2, 'no answer'],
      [3, 'Status is now "running".'],
    ],
    message_kinds: ['status', 'said', 'status'],
  }
  const view = { presence: undefined, api: undefined, state: 'online', sessions: new Map([['acq', session]]) }
  expect(agentView('ls240', { ...view, state: 'online' }).ops[0]).toMatchObject({
    ...{ op: 'acq', state: 'running', since: 100, end: null, message: 'no answer', by: 'startup' },
  })
})

test('an operation is degraded since it became so, whatever reasons it has had since, and runs since it began', () => {
  const session: OpSession = {
    ...{ session_id: 1, op_name: 'acq', op_code: 8, status: 'running', degraded: true, success: null },
    ...{ start_time: 100, end_time: null, data: {}, started_by: 'startup', messages: [] },
    transitions: [
      [100, 'starting', ''],
      [101, 'running', ''],
      [400, 'degraded', 'unplugged'],
      [401, 'degraded', 'no such port'],
    ],
  }
  const since = (one: OpSession) =>
    agentView('ls', {
      ...{ presence: undefined, api: undefined, state: 'online' },
      sessions: new Map([['acq', one]]),
    }).ops[0]?.since
  expect(since(session)).toBe(400)
  const again = [...(session.transitions ?? []), [500, 'running', ''] as const]
  expect(since({ ...session, degraded: false, transitions: again as OpSession['transitions'] })).toBe(100)
})
