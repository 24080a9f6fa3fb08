import { expect, test } from 'bun:test'
import { startAgent } from 'ocs/testing'
import agent from './pressure-gauge.ts'

const dialog = new URL('./pressure-gauge.yaml', import.meta.url).pathname

test('it reads, and keeps what it is told', async () => {
  await using running = await startAgent(agent, { address: `replay:${dialog}` })
  await running.until(() => running.rows.length > 0)
  expect(running.rows[0]).toMatchObject({ block: 'gauge', data: { pressure: [1.2e-5] } })
  const { success, data, messages } = await running.task('set_unit', { unit: 'torr' })
  // The messages say why a task fails.
  const said = messages.map(([, text]) => text)
  expect({ success, data, said }).toMatchObject({
    ...{ success: true, data: { unit: 'torr' } },
    said: expect.arrayContaining(['UNIT: unit torr.']),
  })
})
