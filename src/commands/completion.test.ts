import { afterEach, expect, jest, test } from 'bun:test'
import { commandLab, commandLine } from './ctrl/ctrl.test-aid.ts'

afterEach(() => {
  jest.useRealTimers()
})

/** What may come next on a command line, word by word. */
async function next(...words: string[]): Promise<string[]> {
  const line = commandLine(['complete', '--', ...words], { env: { OCS_COMPLETION_MS: '3600000' } })
  expect(await line.code).toBe(0)
  const lines = line.out().split('\n').slice(0, -1)
  return lines.map((text) => text.split('\t')[0] ?? '')
}

test('commands, flags and choices', async () => {
  expect(await next('ct')).toEqual(['ctrl'])
  expect(await next('ctrl', 'st')).toEqual(['status', 'start', 'stop'])
  expect(await next('completion', '')).toEqual(['bash', 'zsh', 'fish'])
  expect(await next('hub', '--log-f')).toEqual(['--log-format'])
  expect(await next('complet')).toEqual(['completion'])
})

test('instances, operations, parameters and their choices, of the lab that runs', async () => {
  await using lab = await commandLab()
  await lab.start('fake')
  await lab.start('fake2')
  const of = (action: string, ...words: string[]) => next('ctrl', action, '--site-hub', lab.url, ...words)
  expect(await of('start', '')).toEqual(['fake', 'fake2'])
  expect(await of('start', 'fake', '')).toEqual(['acq', 'count', 'set_heartbeat', 'delay_task'])
  expect(await of('stop', 'fake', '')).toEqual(['acq', 'count'])
  expect(await of('abort', 'fake', 'd')).toEqual(['delay_task'])
  expect(await of('start', 'fake', 'delay_task', '')).toEqual(['--delay', '--succeed'])
  const flags = await of('start', 'fake', 'delay_task', '--delay', '3', '--')
  expect(flags[0]).toBe('--succeed')
  expect(flags).toContain('--site-hub')
  expect(flags).not.toContain('--delay')
  expect(await of('start', 'fake', 'delay_task', '--succeed', '')).toEqual(['true', 'false'])
  expect(await of('start', 'fake', 'delay_task', '--succeed=f')).toEqual(['--succeed=false'])
  expect(await of('listen', 'fake/f')).toEqual(['fake/feeds/false_temperatures'])
  expect(await of('start', 'nobody', '')).toEqual([])
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
