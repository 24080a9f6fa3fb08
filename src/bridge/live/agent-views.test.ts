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
