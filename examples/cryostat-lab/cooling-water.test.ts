import { expect, test } from 'bun:test'
import { startAgent } from 'ocs/testing'
import agent from './cooling-water.ts'

const dialog = new URL('./cooling-water.yaml', import.meta.url).pathname

test('registers become litres and degrees, below zero too; the limit is set', async () => {
  await using running = await startAgent(agent, { address: `replay:${dialog}` })
  await running.until(() => running.rows.length > 0)
  expect(running.rows[0]?.data).toEqual({ flow: [8.5], inlet: [14.8], outlet: [-1], relay: [1] })
  const { success, data } = await running.task('set_limit', { flow: 4.5 })
  expect({ success, data }).toMatchObject({ success: true, data: { flow: 4.5 } })
})
