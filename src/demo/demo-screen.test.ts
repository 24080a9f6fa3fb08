import { afterEach, expect, jest, test } from 'bun:test'
import { MemoryHub } from '../bus/memory.ts'
import type { Child } from '../host/children.ts'
import type { LabView } from '../lab/lab-view.ts'
import type { Context } from '../terminal/context.ts'
import { DemoScreen } from './demo-screen.ts'

afterEach(() => {
  jest.useRealTimers()
})

test('what somebody has started again is not the demo’s to stop, and it says so', async () => {
  jest.useFakeTimers()
  let said = ''
  const context = {
    ...{ terminal: false, out() {}, size: () => ({ columns: 80, rows: 24 }) },
    err: (text: string) => {
      said += text
    },
  } as unknown as Context
  const role = (name: string) => ({ name, args: ['agent', '--instance-id', name] })
  const children = [
    { role: role('ls240'), pid: 7, ended: 'SIGKILL', log: 'ls240.log' },
    { role: role('control'), pid: 8, ended: undefined, log: 'control.log' },
  ] as unknown as Child[]
  const view = (pid: number) => ({ state: 'online', presence: { pid, since: 1 }, sessions: new Map() })
  const instances = new Map([
    ['ls240', view(99)],
    ['control', view(8)],
  ])
  const lab = { instances, of: (name: string) => instances.get(name) } as unknown as LabView
  const screen = new DemoScreen(context, { root: 'lab', idle: true, dir: '/nowhere', children })
  const stop = new AbortController()
  const running = screen.run(new MemoryHub().connect('demo'), lab, stop.signal)
  await Promise.resolve()
  await Promise.resolve()
  jest.advanceTimersByTime(1000)
  stop.abort()
  await running
  expect(said).toContain('\nCtrl-C stops everything but what was started by hand: ls240.\n')
  expect(screen.byHand(lab)).toEqual(['ls240'])
  instances.delete('ls240')
  expect(screen.byHand(lab)).toEqual([])
})
