import { afterEach, expect, jest, test } from 'bun:test'
import { MemoryHub } from '../bus/memory.ts'
import { channels } from '../core/channels.ts'
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
  expect(said).toContain('\nCtrl-C stops everything except what you started by hand: ls240.\n')
  expect(screen.byHand(lab)).toEqual(['ls240'])
  instances.delete('ls240')
  expect(screen.byHand(lab)).toEqual([])
})

test('off a terminal it prints the table once, the first reading of each kind, and when the recording stops', async () => {
  jest.useFakeTimers()
  let out = ''
  let err = ''
  const context = {
    ...{ terminal: false, size: () => ({ columns: 80, rows: 24 }) },
    out: (text: string) => {
      out += text
    },
    err: (text: string) => {
      err += text
    },
  } as unknown as Context
  const child = { role: { name: 'ls240', args: ['agent'] }, pid: 7, ended: undefined, log: 'ls240.log' }
  const blocks = { temps: { T: { type: 'double', units: 'K' } } }
  const feeds = { temperatures: { record: true, blocks } }
  const waiting = { pid: 7, since: 1, feeds: {} as Record<string, unknown> }
  const view = { state: 'online', presence: waiting, sessions: new Map(), api: { ops: {}, feeds } }
  const instances = new Map([['ls240', view]])
  const lab = { instances, of: (name: string) => instances.get(name) } as unknown as LabView
  const hub = new MemoryHub()
  const screen = new DemoScreen(context, {
    ...{ root: 'lab', idle: true, dir: '/nowhere' },
    children: [child] as unknown as Child[],
  })
  const stop = new AbortController()
  const running = screen.run(hub.connect('demo'), lab, stop.signal)
  const bus = hub.connect('ls240')
  for (const seq of [1, 2, 3]) {
    const row = { v: 1, epoch: 'e', seq, block: 'temps', t: [seq], data: { T: [4 + seq] } }
    await bus.publish(channels.feed, { root: 'lab', instance: 'ls240', feed: 'temperatures' }, row as never)
  }
  jest.advanceTimersByTime(1000)
  expect(err).toContain('Recording to /nowhere/data')
  const table = err
  waiting.feeds = { temperatures: { spool: 's', epochs: [{ epoch: 'e', first: 1, last: 3, acked: 0 }] } }
  jest.advanceTimersByTime(2000)
  expect(err.slice(table.length)).toMatch(/^\S+ NOT RECORDING: no recorder runs .*\n$/)
  stop.abort()
  await running
  expect(out).toMatch(/^\S+ ls240 T 5 K\n$/)
})
