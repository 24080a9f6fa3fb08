import { expect, test } from 'bun:test'
import type { OpSession } from '../../core/ops.ts'
import { agentDetail, agentView } from './agent-views.ts'

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

test('a form has what the instrument was last said to have, or nothing after a newer start', () => {
  const ended = (op: string, start_time: number, data: object): [string, OpSession] => [
    op,
    {
      ...{ session_id: 1, op_name: op, op_code: 5, status: 'done', degraded: false, success: true },
      ...{ start_time, end_time: start_time + 1, data, started_by: 'maya', messages: [], params: {} },
    } as OpSession,
  ]
  const params = {
    type: 'object',
    properties: {
      channel: { type: 'integer', present: 'get_scan.channel' },
      deep: { type: 'number', present: 'get_scan.fields.T' },
      whole: { type: 'object', present: 'get_scan.fields' },
      none: { type: 'number', present: 'get_scan.toString' },
      other: { type: 'number' },
    },
  }
  const op = { kind: 'task', help: '', params, min_privs: 1 }
  const api = { help: '', ops: { set: op, get_scan: { ...op, params: undefined } }, feeds: {} }
  const shown = (...sessions: [string, OpSession][]) => {
    const view = { presence: undefined, api, state: 'online', sessions: new Map(sessions) }
    const detail = agentDetail('ls372', view as unknown as Parameters<typeof agentDetail>[1])
    return detail.ops[0]?.parameters.map(({ present }) => present)
  }
  const told = ended('get_scan', 100, { channel: 5, fields: { T: 0.1 } })
  expect(shown(told)).toEqual([5, 0.1, null, null, null])
  expect(shown(told, ended('set', 50, {}))).toEqual([5, 0.1, null, null, null])
  expect(shown(told, ended('set', 200, {}))).toEqual([null, null, null, null, null])
  expect(shown()).toEqual([null, null, null, null, null])
})
