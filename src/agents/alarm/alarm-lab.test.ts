import { expect, test } from 'bun:test'
import type { Rule } from '../../core/alarm-rules.ts'
import type { FeedDeclaration, Presence, Row } from '../../core/channels.ts'
import type { LabAgents, LabSite } from '../../core/lab.ts'
import type { OpSession } from '../../core/ops.ts'
import { bookOn, ruleOf } from './alarm.test-aid.ts'
import { LabLook } from './alarm-lab.ts'
import { Readings } from './alarm-readings.ts'

type View = LabAgents['instances'] extends ReadonlyMap<string, infer V> ? V : never
const session = (more: Partial<OpSession>) =>
  ({ status: 'running', degraded: false, success: null, messages: [], data: {}, ...more }) as OpSession
const online = (
  sessions: Record<string, OpSession> = {},
  more: Partial<Presence> = {},
  state: View['state'] = 'online',
) =>
  ({
    state,
    api: undefined,
    presence: { state, agent_class: 'FakeDataAgent', ...more },
    sessions: new Map(Object.entries(sessions)),
  }) as View

/** A look at a lab whose agents a test puts in and takes out. */
function looking(rules: readonly Rule[], site: Record<string, string> = {}) {
  const on = bookOn()
  const instances = new Map<string, View>()
  const agents = { instances } as unknown as LabAgents
  const expected = Object.entries(site).map(
    ([name, agentClass]) => [name, { agentClass, isUp: true }] as const,
  )
  const labSite: LabSite = { alarms: undefined, instances: new Map(expected) }
  const look = new LabLook('alarms', rules, { site: labSite, agents }, on.book, on.clock.now)
  const states = () => {
    look.look()
    return Object.fromEntries(on.book.list().map(({ name, state, text }) => [name, `${state}: ${text}`]))
  }
  return { ...on, instances, look, states }
}

test('an agent that is lost, stopped, or never came; who starts has some seconds', () => {
  const rules = [
    ruleOf('agent', { name: 'one', agent: 'ls240', delay: 0 }),
    ruleOf('agent', { name: 'all', agent: '*', delay: 0 }),
  ]
  const { instances, states, pass } = looking(rules, { ls240: 'Lakeshore240Agent', alarms: 'AlarmAgent' })
  expect(states()).toEqual({ one: 'clear: ls240', 'all/ls240': 'clear: ls240' })
  pass(10)
  expect(states()).toEqual({ one: 'active: ls240 does not run', 'all/ls240': 'active: ls240 does not run' })
  instances.set('ls240', online()).set('visitor', online())
  expect(states()).toMatchObject({
    one: 'clear: ls240 does not run',
    'all/visitor': 'clear: visitor is online',
  })
  instances.set('ls240', online({}, {}, 'offline')).set('visitor', online({}, {}, 'offline'))
  expect(states()).toMatchObject({
    one: 'active: ls240 is stopped',
    'all/visitor': 'clear: visitor is stopped',
  })
  instances.set('visitor', online({}, {}, 'lost'))
  expect(states()['all/visitor']).toBe('active: visitor is lost: it disconnected without notice')
})

test('an operation that failed, is degraded, or does not run; of a lost agent nothing is concluded', () => {
  const rules = [
    ruleOf('op', { name: 'bad', op: 'ls240.acq', delay: 0 }),
    ruleOf('op', { name: 'any', op: '*.acq', states: ['idle'], delay: 0 }),
  ]
  const { instances, states } = looking(rules)
  instances.set('ls240', online({ acq: session({ degraded: true, messages: [[1, 'no answer']] }) }))
  expect(states()).toEqual({
    bad: 'active: ls240.acq is degraded: no answer',
    'any/ls240.acq': 'clear: ls240.acq is degraded: no answer',
  })
  instances.set('ls240', online({ acq: session({ status: 'done', success: true }) }, {}, 'lost'))
  expect(states()).toMatchObject({ bad: 'active: ls240.acq is degraded: no answer' })
  instances.set('ls240', online({ acq: session({ status: 'done', success: true }) }))
  expect(states()).toMatchObject({
    bad: expect.stringContaining('clear'),
    'any/ls240.acq': 'active: ls240.acq does not run',
  })
  instances.set(
    'ls240',
    online({ acq: session({ status: 'done', success: false, messages: [[1, 'it burns']] }) }),
  )
  expect(states()['bad']).toBe('active: ls240.acq has failed: it burns')
})

test('a recorder that does not record, cannot write, or is behind; the disk it writes to', () => {
  const rules = [
    ruleOf('recorder', { name: 'rec', rows: 1000, seconds: 30, delay: 0 }),
    ruleOf('disk', { name: 'disk', free_gb: 10, clear_gb: 12 }),
  ]
  const { instances, states, pass } = looking(rules, { agg: 'AgreggatorAgent' })
  const record = (data: object, more: Partial<OpSession> = {}) =>
    instances.set('agg', online({ record: session({ data, ...more }) }))
  const fine = { behind: 0, problem: null, disk_free: 50e9 }
  record(fine)
  expect(states()).toEqual({
    'rec/agg': 'clear: agg records',
    'disk/agg': 'clear: the disk of agg has 50 GB free',
  })
  record({ ...fine, behind: 1000 })
  expect(states()['rec/agg']).toBe('active: agg is 1000 rows behind')
  record({ ...fine, behind: 5 })
  expect(states()['rec/agg']).toStartWith('clear')
  pass(30)
  expect(states()['rec/agg']).toBe('active: agg is 5 rows behind, and has been behind for 30 s')
  record({ ...fine, disk_free: 9.5e9, data_dir: '/data/hk' })
  expect(states()).toMatchObject({
    'rec/agg': expect.stringContaining('clear'),
    'disk/agg': 'active: the disk of agg (/data/hk) has 9.5 GB free, less than 10 GB: free some space there',
  })
  record({ ...fine, problem: 'no space left', disk_free: 11e9 })
  expect(states()).toMatchObject({
    'rec/agg': 'active: agg cannot write: no space left',
    'disk/agg': expect.stringContaining('active'),
  })
  record(fine, { status: 'done', success: true })
  expect(states()).toMatchObject({
    'rec/agg': 'active: agg does not record',
    'disk/agg': expect.stringContaining('clear'),
  })
  instances.set('agg', online({}, {}, 'lost'))
  expect(states()['rec/agg']).toBe('active: agg is lost: nothing is recorded')
})

test('a folder of this machine, and one that cannot be looked at', async () => {
  const rules = [
    ruleOf('disk', { name: 'full', folder: '/tmp', free_gb: 1e9 }),
    ruleOf('disk', { name: 'none', folder: '/nowhere/at/all', free_gb: 1 }),
  ]
  const { look, states } = looking(rules)
  expect(states()).toEqual({ full: 'clear: /tmp', none: 'clear: /nowhere/at/all' })
  await look.askDisks()
  expect(states()['full']).toMatch(
    /^active: \/tmp has [\d.]+ GB free, less than 1000000000 GB: free some space there$/,
  )
  expect(states()['none']).toStartWith(
    'active: /nowhere/at/all cannot be checked: there is no such file or folder',
  )
})

test('rows that an agent holds and nobody has recorded', () => {
  const { instances, states } = looking([
    ruleOf('spool', { name: 's', agent: 'ls240', rows: 100, clear_rows: 10, delay: 0 }),
  ])
  const held = (...epochs: { first: number; last: number; acked: number }[]) =>
    instances.set(
      'ls240',
      online(
        {},
        { feeds: { t: { spool: 'x', epochs: epochs.map((one, at) => ({ epoch: `e${at}`, ...one })) } } },
      ),
    )
  held({ first: 1, last: 60, acked: 0 }, { first: 1, last: 100, acked: 61 })
  expect(states()['s']).toBe('clear: ls240 holds 99 rows that are not recorded')
  held({ first: 1, last: 60, acked: 0 }, { first: 1, last: 101, acked: 61 })
  expect(states()['s']).toStartWith('active')
  held({ first: 91, last: 101, acked: 0 })
  expect(states()['s']).toStartWith('active')
  held({ first: 1, last: 101, acked: 91 })
  expect(states()['s']).toStartWith('clear')
})

const declaration: FeedDeclaration = {
  agent_class: 'FakeDataAgent',
  record: true,
  frame_length: 60,
  blocks: {
    temps: {
      T1: { type: 'double', units: 'K' },
      T2: { type: 'double', units: 'K' },
      name: { type: 'string' },
    },
  },
}
const from = { instance: 'ls240', feed: 't', epoch: 'e', spool: 's' }
const row = (t: number[], T1: (number | string)[]): Row => ({
  epoch: 'e',
  seq: 1,
  block: 'temps',
  t,
  data: { T1, T2: T1.map(() => 1), name: T1.map(() => 'x') },
})

test('each live sample is judged, also one between others; what comes late, and what is no number, is not', () => {
  const on = bookOn()
  const readings = new Readings(
    'alarms',
    [ruleOf('limit', { field: 'ls240.t.T1', high: 5 })],
    on.book,
    on.clock.now,
  )
  expect([readings.wants('ls240', 't'), readings.wants('ls240', 'u'), readings.wants('alarms', 't')]).toEqual(
    [true, false, false],
  )
  expect(readings.position(from, { first: 1, last: 90 })).toBe(89)
  readings.rows(from, declaration, [row([1], [9])], false)
  expect(on.changes).toEqual([])
  readings.rows(from, declaration, [row([2, 3, 4], [4, 'NaN', 4.5])], true)
  expect([on.changes, on.book.list()[0]?.units]).toEqual([[], 'K'])
  readings.rows(from, declaration, [row([5, 6, 7], [4, 9, 4])], true)
  expect(on.changes).toEqual(['raised warm', 'cleared warm'])
})

test('a pattern watches each field that is a number; a field that never speaks is stale, too', () => {
  const on = bookOn()
  const rules = [
    ruleOf('stale', { name: 's', field: 'ls240.*', after: 20 }),
    ruleOf('stale', { name: 'none', field: 'ls240.t.T9', after: 10 }),
  ]
  const readings = new Readings('alarms', rules, on.book, on.clock.now)
  readings.rows(from, declaration, [row([1], [4])], false)
  expect(on.book.list().map(({ name }) => name)).toEqual([
    'none',
    's/ls240.t.T1',
    's/ls240.t.T2',
    's/ls240.t.T9',
  ])
  on.pass(15)
  readings.rows(from, declaration, [row([2], [4])], true)
  readings.rows(from, declaration, [row([3], ['NaN'])], true)
  on.pass(10)
  readings.look()
  expect(on.changes).toEqual(['raised s/ls240.t.T9', 'raised none'])
  on.pass(10)
  readings.look()
  expect(on.changes.slice(2)).toEqual(['raised s/ls240.t.T1', 'raised s/ls240.t.T2'])
  expect(on.book.list().find(({ name }) => name === 's/ls240.t.T1')?.text).toBe(
    'no reading of ls240.t.T1 for 20 s',
  )
  readings.rows(from, declaration, [row([4], [4])], true)
  expect(on.changes.slice(4)).toEqual(['cleared s/ls240.t.T1', 'cleared s/ls240.t.T2'])
})

test('a rate is judged over its window', () => {
  const on = bookOn()
  const rule = ruleOf('rate', { name: 'rises', field: 'ls240.t.T1', high: 2, window: 20 })
  const readings = new Readings('alarms', [rule], on.book, on.clock.now)
  const give = (seconds: number, start: number, perSecond: number) => {
    for (let t = 0; t < seconds; t++)
      readings.rows(from, declaration, [row([start + t], [4 + t * perSecond])], true)
  }
  give(20, 1000, 0.03)
  expect(on.changes).toEqual([])
  give(20, 1020, 0.05)
  expect(on.changes).toEqual(['raised rises'])
  expect(on.book.list()[0]).toMatchObject({ units: 'K/min' })
  expect(on.book.list()[0]?.text).toMatch(/^ls240\.t\.T1 changes by [\d.]+ K\/min, above 2 K\/min$/)
})

test('a pattern of operations watches processes; a task that failed is watched where it is named', () => {
  const rules = [
    ruleOf('op', { name: 'any', op: 'ls240.*', delay: 0 }),
    ruleOf('op', { name: 'scan', op: 'ls240.scan', delay: 0 }),
  ]
  const { instances, states } = looking(rules)
  const failed = session({ status: 'done', success: false, transitions: [[1, 'failed', 'no such channel']] })
  const view = online({ acq: failed, scan: failed, mistyped: failed })
  const api = { ops: { acq: { kind: 'process' }, scan: { kind: 'task' }, mistyped: { kind: 'task' } } }
  instances.set('ls240', { ...view, api: api as unknown as View['api'] })
  expect(states()).toEqual({
    'any/ls240.acq': 'active: ls240.acq has failed: no such channel',
    scan: 'active: ls240.scan has failed: no such channel',
  })
})
