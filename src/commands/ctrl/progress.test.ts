import { expect, test } from 'bun:test'
import type { OpSession } from '../../core/ops.ts'
import type { Context } from '../../terminal/context.ts'
import { progress } from './progress.ts'

test('away from a terminal the data that a short session ends with is told, once', () => {
  const lines: string[] = []
  const shown = progress('weather watch', { terminal: false } as Context, (line) => lines.push(line))
  const session = { op_name: 'watch', op_code: 3, status: 'running', messages: [], message_kinds: [] }
  const now = (more: object) => shown.show({ ...session, ...more } as unknown as OpSession)
  for (const n of [1, 2, 3]) now({ data: { n } })
  now({ data: { n: 4 }, status: 'done' })
  now({ data: { n: 4 }, status: 'done' })
  expect(lines).toEqual(['weather watch: n=4'])
})

test('readings of a process are no result of it, and what it said before is not said again', () => {
  const lines: string[] = []
  const session = {
    ...{ op_name: 'acq', op_code: 3, status: 'running', data: { n: 1 } },
    ...{ messages: [[1, 'connected']], message_kinds: ['said'] },
  } as unknown as OpSession
  const context = { terminal: false } as Context
  const log = (line: string) => lines.push(line)
  const shown = progress('ls240 acq', context, log, { kind: 'process', before: session })
  shown.show(session)
  const messages = [...session.messages, [2, 'warm'], [3, 'heater off']]
  shown.show({
    ...session,
    status: 'done',
    messages,
    message_kinds: ['said', 'said', 'said'],
  } as unknown as OpSession)
  // The last message is printed together with the outcome.
  expect(lines).toEqual(['ls240 acq: warm'])
})

test('of data the few single values are told, and no lists and maps', () => {
  const lines: string[] = []
  const shown = progress('ls240 sweep', { terminal: false } as Context, (line) => lines.push(line))
  const fields = Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`Channel_${n}_T`, n / 3]))
  const session = { op_name: 'sweep', op_code: 5, status: 'done', messages: [], message_kinds: [] }
  const show = (data: object) => shown.show({ ...session, data } as unknown as OpSession)
  show({ fields, list: [1, 2, 3], timestamp: 1_795_000_000.5 })
  show({ fields, reached: true, note: 'x'.repeat(500) })
  expect(lines).toEqual([`ls240 sweep: ${`reached=true note="${'x'.repeat(500)}"`.slice(0, 100)}…`])
})
