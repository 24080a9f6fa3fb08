import { expect, test } from 'bun:test'
import { MemoryHub } from '../bus/memory.ts'
import type { Presence } from '../core/channels.ts'
import { helpOf } from '../core/counter-help.ts'
import { viewLab } from './lab-view.ts'

const good = {
  state: 'online',
  session: 's',
  since: 0,
  time: 0,
  agent_class: 'X',
  host: 'h',
  pid: 1,
  version: '0',
}
const session = {
  session_id: 1,
  op_name: 'acq',
  op_code: 3,
  status: 'running',
  degraded: false,
  success: null,
  start_time: 0,
  end_time: null,
  data: {},
  messages: [],
  started_by: 'startup',
}
const deep = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`
const text = JSON.stringify

const BAD: readonly (readonly [string, string, string])[] = [
  ['an empty presence', 'presence', '{}'],
  ['a time that is no date', 'presence', text({ ...good, since: 1e300 })],
  ['a time before all', 'presence', text({ ...good, since: -1 })],
  ['a host with an escape', 'presence', text({ ...good, host: '\x1b]0;title\x07' })],
  ['a host with bidi', 'presence', text({ ...good, host: 'a\u202eb' })],
  ['a class of a megabyte', 'presence', text({ ...good, agent_class: 'x'.repeat(1 << 20) })],
  ['a counter with an escape', 'presence', text({ ...good, counters: { 'a\x1b[2J': 1 } })],
  ['a counter below zero', 'presence', text({ ...good, counters: { gaps: -1 } })],
  ['a session that started at no date', 'ops/acq/session', text({ ...session, start_time: 1e300 })],
  ['a message of no date', 'ops/acq/session', text({ ...session, messages: [[1e300, 'said']] })],
  ['a lock to no date', 'presence', text({ ...good, lock: { holder: 'a', by: 'b', until: 1e300 } })],
  ['data of great depth', 'ops/acq/session', text(session).replace('"data":{}', `"data":${deep}`)],
  [
    'params of an api that are no object',
    'api',
    text({ agent_class: 'X', help: '', ops: { a: { params: 5 } } }),
  ],
  ['no JSON', 'presence', '{'],
  ['a list', 'api', '[]'],
]

test.concurrent.each(BAD)(
  '%s is left out in one line, and everybody else is shown',
  async (_, where, document) => {
    const hub = new MemoryHub()
    hub.say(`observatory/evil/${where}`, document, { retain: true })
    hub.say('observatory/good/presence', text(good), { retain: true })
    const bad: string[] = []
    const bus = hub.connect('reader', { onBad: (topic, why) => bad.push(`${topic}: ${why}`) })
    await using lab = await viewLab(bus, 'observatory')
    await lab.settled()
    expect([...lab.instances.keys()]).toEqual(['good'])
    expect(bad).toHaveLength(1)
    expect(bad[0]).toStartWith(`observatory/evil/${where}: `)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be there
    expect(bad[0]).not.toMatch(/[\x00-\x1f]/)
    expect(bad[0]?.length).toBeLessThan(300)
  },
)

test('a counter may have any name, also one that every object has a member of', () => {
  const counters: Presence['counters'] = { constructor: 1, toString: 2 }
  expect(Object.keys(counters).map(helpOf)).toEqual(['', ''])
})
