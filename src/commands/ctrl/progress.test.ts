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
