import { expect, test } from 'bun:test'
import type { OpSession } from '../core/ops.ts'
import type { InstanceView } from './lab-view.ts'
import { notRecording } from './not-recording.ts'

const holding = (last: number, acked: number): InstanceView => {
  const epochs = [{ epoch: 'e', first: 1, last, acked }]
  return {
    state: 'online',
    presence: { feeds: { temps: { spool: 's', epochs } } },
  } as unknown as InstanceView
}
const recorder = (
  state: InstanceView['state'],
  session?: Partial<OpSession>,
  api: object = { ops: { record: {} } },
): InstanceView =>
  ({ state, api, sessions: new Map(session && [['record', session]]) }) as unknown as InstanceView

const running = { status: 'running', degraded: false, success: null } as const
const cases: readonly (readonly [what: string, views: readonly InstanceView[], why: string | undefined])[] = [
  ['it records', [recorder('online', running)], undefined],
  ['one of two records', [recorder('lost', running), recorder('online', running)], undefined],
  ['there is none', [], 'no recorder runs (ocs aggregate)'],
  ['it is lost', [recorder('lost', running)], 'rec-0 is lost'],
  ['it is stopped', [recorder('offline', { status: 'done', success: true })], 'rec-0 is stopped'],
  ['it has not begun', [recorder('online')], 'rec-0 does not record (ocs ctrl start rec-0 record)'],
  [
    'it was stopped',
    [recorder('online', { status: 'done', success: true })],
    'rec-0 does not record (ocs ctrl start rec-0 record)',
  ],
  [
    'it failed',
    [recorder('online', { status: 'done', success: false, transitions: [[1, 'failed', 'no such folder']] })],
    'rec-0 does not record (ocs ctrl start rec-0 record): no such folder',
  ],
  [
    'its disk is full',
    [recorder('online', { ...running, degraded: true, transitions: [[1, 'degraded', 'the disk is full']] })],
    'rec-0: the disk is full',
  ],
  [
    'it is degraded and records',
    [recorder('online', { ...running, degraded: true, data: { behind: 0, problem: null, recording: true } })],
    undefined,
  ],
  ['two do not', [recorder('lost'), recorder('offline')], 'rec-0 is lost; rec-1 is stopped'],
]

test.each(cases)('%s', (_, views, why) => {
  const recorders = views.map((view, i) => [`rec-${i}`, view] as const)
  expect(notRecording(new Map([['ls240', holding(9, 3)], ...recorders]))).toBe(why)
  // With nothing to record nobody is alarmed.
  expect(notRecording(new Map([['ls240', holding(9, 9)], ...recorders]))).toBeUndefined()
})
