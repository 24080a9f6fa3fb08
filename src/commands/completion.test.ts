import { afterEach, expect, jest, test } from 'bun:test'
import { commandLine } from './ctrl/ctrl.test-aid.ts'

afterEach(() => {
  jest.useRealTimers()
})

const turns = async () => {
  for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate)
}

test('whoever waits for words waits no longer than 0.3 s for a hub', async () => {
  jest.useFakeTimers()
  const line = commandLine(['complete', '--', 'ctrl', 'start', '--site-hub', 'mqtt://127.0.0.1:1', ''])
  let over = false
  void line.code.then(() => {
    over = true
  })
  await turns()
  jest.advanceTimersByTime(299)
  await turns()
  expect(over).toBe(false)
  jest.advanceTimersByTime(1)
  await turns()
  expect(over).toBe(true)
  expect(await line.code).toBe(0)
  expect([line.out(), line.err()]).toEqual(['', ''])
})
