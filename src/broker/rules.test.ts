import { expect, test } from 'bun:test'
import { ANYONE } from '../principals/principal.ts'
import { type Role, refusePublish, refuseSubscribe, rolesOf } from './rules.ts'

const may = (
  id: string,
  topic: string,
  { recorders, ...how }: { recorders?: string[]; qos?: number; retain?: boolean } = {},
) =>
  refusePublish(
    'observatory',
    { id, roles: rolesOf(ANYONE, id, recorders) },
    { topic, qos: 0, retain: false, ...how },
  )
const maySubscribe = (id: string, filter: string, roles: ReadonlySet<Role> = rolesOf(ANYONE, id)) =>
  refuseSubscribe('observatory', { id, roles }, filter)

test.each([
  'observatory/ls240/presence',
  'observatory/ls240/api',
  'observatory/ls240/ops/acq/session',
  'observatory/ls240/last/temperatures',
])('an agent retains its own %s', (topic) => {
  expect(may('ls240', topic, { retain: true, qos: 1 })).toBeUndefined()
  expect(may('ls372', topic, { retain: true, qos: 1 })).toContain('not its own client id')
})

test.each([
  'observatory/ls240/feeds/temperatures',
  'observatory/ls240/messages/words',
  'observatory/ls240/replies/ctrl.7/r1',
  'observatory/ls240/replayed/aggregator/r1',
])('an agent publishes its own %s, never retained', (topic) => {
  expect(may('ls240', topic)).toBeUndefined()
  expect(may('ls372', topic)).toContain('not its own client id')
  expect(may('ls240', topic, { retain: true })).toContain('never retained')
})

test('an agent publishes its own events, and an administrator those of an agent that it forgets', () => {
  const [agent, admin] = [
    new Set<Role>(['agent', 'observer']),
    new Set<Role>(['observer', 'operator', 'admin']),
  ]
  const event = (id: string, roles: ReadonlySet<Role>, retain = false) =>
    refusePublish('observatory', { id, roles }, { topic: 'observatory/ls240/events', qos: 0, retain })
  expect(event('ls240', agent)).toBeUndefined()
  expect(event('ls372', agent)).toContain('not its own client id')
  expect(event('ada-1', admin)).toBeUndefined()
  expect(event('ls240', agent, true)).toContain('never retained')
})

test.each([
  'observatory/ls240/ops/acq/start/ctrl.7',
  'observatory/ls240/queries/range/ctrl.7',
  'observatory/ls240/replay/ctrl.7',
])('a caller asks in its own name only: %s', (topic) => {
  expect(may('ctrl.7', topic, { qos: 1 })).toBeUndefined()
  expect(may('ctrl.8', topic, { qos: 1 })).toContain('not its own client id')
  // The requested agent cannot publish requests for its callers either.
  expect(may('ls240', topic, { qos: 1 })).toContain('not its own client id')
  expect(may('ctrl.7', topic, { qos: 1, retain: true })).toContain('never retained')
})

test('only a recorder acknowledges, anyone where the site is unknown', () => {
  const ack = 'observatory/ls240/ack/temperatures'
  expect(may('aggregator', ack, { recorders: ['aggregator'] })).toBeUndefined()
  expect(may('ls240', ack, { recorders: ['aggregator'] })).toContain('needs the role recorder')
  expect(may('ls240', ack, { recorders: [] })).toContain('needs the role recorder')
  expect(may('anyone', ack)).toBeUndefined()
})

test.each([
  ['hub', 'observatory/hub'],
  ['ls240', 'observatory/hub'],
  ['ls240', 'observatory/hub/ping/ls372'],
  ['ls240', 'observatory/ls240'],
  ['ls240', 'observatory/ls240/made/up'],
  ['ls240', 'observatory/ls240/feeds'],
  ['ls240', 'observatory/ls240/feeds/a/b'],
  ['ls240', 'observatory/ls240/feeds/..'],
  ['ls240', 'observatory/ls240/feeds/'],
  ['ls240', `observatory/ls240/feeds/${'x'.repeat(64)}`],
  ['ls240', 'observatory/ls240/feeds/+'],
  ['ls240', 'observatory/ls240/feeds/a\u0000b'],
  ['ls240', 'elsewhere/ls240/presence'],
  ['ls240', '$SYS/x/new/clients'],
  ['ls240', '/ls240/presence'],
  ['ls240', ''],
  ['not.an.instance', 'observatory/not.an.instance/presence'],
])('%s may not publish on %s', (id, topic) => {
  expect(may(id, topic)).toBeString()
})

test('QoS 2 is refused everywhere', () => {
  expect(may('ls240', 'observatory/ls240/presence', { qos: 2 })).toContain('QoS 2')
})

test('a client without the role does not get what takes it', () => {
  const caller = { id: 'eye', roles: new Set<Role>(['observer']) }
  const publish = (topic: string) => refusePublish('observatory', caller, { topic, qos: 0, retain: false })
  expect(publish('observatory/ls240/ops/acq/start/eye')).toContain('role operator')
  expect(publish('observatory/eye/presence')).toContain('role agent')
  expect(publish('observatory/ls240/replay/eye')).toBeUndefined()
})

test.each([
  '#',
  'observatory/#',
  '+/ls240/presence',
  'observatory/+/presence',
  'observatory/ls240/#',
  'observatory/ls240/replies/#',
  'observatory/+/replies/ctrl.7/+',
  'observatory/+/replies/ctrl.7/#',
  'observatory/+/replayed/ctrl.7/r1',
  'observatory/hub',
])('anyone may subscribe to %s', (filter) => {
  expect(maySubscribe('ctrl.7', filter)).toBeUndefined()
})

test.each([
  '$SYS/#',
  '$share/group/observatory/#',
  'elsewhere/#',
  'observatory/+/replies/ctrl.8/+',
  'observatory/+/replies/ctrl.8/#',
  'observatory/ls240/replayed/ctrl.8/r1',
  'observatory/a/b/c/d/e/f/g/h/i/j',
])('ctrl.7 may not subscribe to %s', (filter) => {
  expect(maySubscribe('ctrl.7', filter)).toBeString()
})

test('an agent that is no observer sees what is beneath its own instance-id', () => {
  const roles = new Set<Role>(['agent'])
  expect(maySubscribe('ls240', 'observatory/ls240/#', roles)).toBeUndefined()
  expect(maySubscribe('ls240', 'observatory/ls372/#', roles)).toContain('role observer')
  expect(maySubscribe('ls240', '#', roles)).toContain('role observer')
})

test('a lock decides who operates: it takes more than looking', () => {
  const ask = (query: string, ...roles: Role[]) => {
    const topic = `observatory/ls240/queries/${query}/ctrl.7`
    const caller = { id: 'ctrl.7', roles: new Set(roles) }
    return refusePublish('observatory', caller, { topic, qos: 1, retain: false })
  }
  expect(ask('history', 'observer')).toBeUndefined()
  for (const query of ['lock', 'unlock']) {
    expect(ask(query, 'observer')).toContain('needs the role operator')
    expect(ask(query, 'operator')).toBeUndefined()
  }
})

test('only a drain speaks for another, under an id that says for whom', () => {
  expect(may('ls240-drain-0a1b2c3d', 'observatory/ls240-drain-0a1b2c3d/drains/ls240')).toBeUndefined()
  for (const id of ['evil', 'ls372-drain-0a1b2c3d', 'ls240-drain-', 'ls240-drain-xxxxxxxx', 'ls240'])
    expect(may(id, `observatory/${id}/drains/ls240`)).toContain('is drained under the id ls240-drain-')
  expect(may('evil', 'observatory/ls240-drain-0a1b2c3d/drains/ls240')).toContain('not its own client id')
})
