import { expect, test } from 'bun:test'
import { startAgent } from '../../test/running-agent.ts'
import { clockByTurns } from '../../test/turns-clock.ts'
import fakeData from './fake-data.ts'

test('co-sampled channels at the rate asked for, a report a second', async () => {
  using _ = clockByTurns()
  await using agent = await startAgent(fakeData, {
    mode: 'acq',
    num_channels: 3,
    sample_rate: 50,
    frame_length: 7,
  })
  await agent.until(() => agent.rows.length === 2)
  const times = agent.rows.flatMap(({ t }) => t)
  expect(times.length).toBe(100)
  for (const [i, t] of times.entries()) expect(t).toBeCloseTo((times[0] ?? 0) + i / 50, 5)
  expect(agent.column('channel_02').length).toBe(times.length)
  const { frame_length, blocks } = agent.declared.get('false_temperatures') ?? {}
  expect(frame_length).toBe(7)
  expect(Object.keys(blocks?.['temps'] ?? {})).toEqual(['channel_00', 'channel_01', 'channel_02'])
  expect(agent.session('count')?.data).toMatchObject({ counter: expect.any(Number) })
})

test('tasks wait, fail when asked to, and end when aborted', async () => {
  using _ = clockByTurns()
  await using agent = await startAgent(fakeData, {})
  expect((await agent.task('delay_task', { delay: 0.01 })).success).toBe(true)
  expect((await agent.task('delay_task', { delay: 0, succeed: false })).success).toBe(false)
  const waiting = agent.task('delay_task', { delay: 60 })
  await agent.until(() => agent.session('delay_task')?.status === 'running')
  expect((await agent.act('delay_task', 'abort')).msg).toContain('Requested abort')
  expect(await waiting).toMatchObject({ success: false, data: { requested_delay: 60 } })
  expect((await agent.task('set_heartbeat', {})).success).toBe(true)
})
