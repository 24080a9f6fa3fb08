import { expect, test } from 'bun:test'
import { startAgent } from '../../test/running-agent.ts'
import { clockByTurns } from '../../test/turns-clock.ts'
import barebones from './barebones.ts'

test('counts, records what it counts, and prints', async () => {
  using _ = clockByTurns()
  await using agent = await startAgent(barebones, { mode: 'count' })
  await agent.until(() => agent.rows.length === 2)
  expect(agent.column('counter')).toEqual([1, 2])
  await agent.until(() => (agent.session('count')?.data as { counter?: number })?.counter !== undefined)
  expect(agent.session('count')?.data).toMatchObject({ timestamp: expect.any(Number) })
  const { success, messages } = await agent.task('print', { text: 'a plate at 4 K' })
  expect(success).toBe(true)
  expect(messages.map(([, text]) => text)).toEqual([
    'Status is now "starting".',
    'Status is now "running".',
    'a plate at 4 K',
    'Printed text to logs.',
    'Status is now "done".',
  ])
  expect((await agent.act('count', 'stop')).status).toBe(0)
})
