import { expect, test } from 'bun:test'
import type { Presence } from '../../core/channels.ts'
import type { Wire } from '../../core/wire.ts'
import type { InstanceView, LabView } from '../../lab/lab-view.ts'
import { instanceStatus, statusTable } from '../../terminal/status-tables.ts'

const presence: Presence = {
  state: 'online',
  session: 's',
  since: 1_700_000_000,
  time: 1_700_000_000,
  agent_class: 'AggregatorAgent',
  host: 'grumpy',
  pid: 7,
  version: '0.1.0',
  counters: { rows: 12, gaps: 3, holes: 0, torn_tails: 1, 'out_of_range temps.T': 2 },
}
const view: InstanceView = { presence, api: undefined, sessions: new Map(), state: 'online' }

test('what was counted: of all instances the trouble, of one everything and what it is', () => {
  const lab = { instances: new Map([['aggregator', view]]) } as unknown as LabView
  const [head = '', row = ''] = statusTable(lab, ['ls240']).split('\n')
  expect(row.slice(head.indexOf('COUNTED'))).toBe('gaps 3, torn_tails 1')
  const one = instanceStatus('aggregator', view, new Map(), 1_700_000_001)
  expect(one).toMatch(/^COUNTER +VALUE +WHAT$/m)
  expect(one).toMatch(/^gaps +3 +rows that are gone for ever/m)
  expect(one).toMatch(/^holes +0 +times rows were missing/m)
  expect(one).toMatch(/^out_of_range temps\.T +2$/m)
})

test('an agent that is lost is so since it was, not since it began', () => {
  const said = { ...presence, state: 'lost' as const, time: 1_700_000_500 }
  const row = (gone: InstanceView) =>
    statusTable({ instances: new Map([['ls', gone]]) } as unknown as LabView).split('\n')[1]
  const lost = {
    ...view,
    state: 'lost' as const,
    presence: { ...said, left: 1_700_000_500 },
    left: 1_700_000_500,
  }
  expect(row(lost)).toMatch(/^ls +lost +2023-11-14T22:21:40\+0000 /)
  expect(instanceStatus('ls', lost, new Map(), 1_700_000_600)).toStartWith(
    'ls is lost since 2023-11-14T22:21:40+0000: AggregatorAgent on grumpy, pid 7, begun 2023-11-14T22:13:20+0000\n',
  )
  // On a broker other than ocs hub nobody says.
  const untold = { ...lost, presence: said }
  expect(row(untold)).toMatch(/^ls +lost +AggregatorAgent /)
  expect(instanceStatus('ls', untold, new Map(), 1_700_000_600)).toStartWith('ls is lost: AggregatorAgent ')
})

test('a reading has the digits of its resolution, as on the page', () => {
  const fields = {
    T: { type: 'double' as const, units: 'K', resolution: 1e-4 },
    p: { type: 'double' as const, units: 'mbar' },
    on: { type: 'bool' as const, resolution: 1 },
    volts: { type: 'double' as const, units: '0.1 V', resolution: 1 },
    off: { type: 'double' as const, units: 'A' },
    never: { type: 'double' as const, units: 'A' },
  }
  const feed = { agent_class: 'A', record: true, frame_length: 60, blocks: { b: fields } }
  const api = { agent_class: 'A', help: '', ops: {}, queries: {}, feeds: { temps: feed } }
  const values: Record<string, Wire> = {
    timestamp: 1_700_000_000,
    T: 4.2,
    p: 1.23456789e-9,
    on: true,
    volts: 1203,
    off: 'NaN',
  }
  const last = new Map([['temps', values]])
  const text = instanceStatus('ls', { ...view, api }, last, 1_700_000_001)
  expect(text).toMatch(/^temps +T +4\.2000 +K /m)
  expect(text).toMatch(/^temps +p +1\.23457e-9 +mbar /m)
  expect(text).toMatch(/^temps +on +true /m)
  // Recorded in tenths, shown in whole units.
  expect(text).toMatch(/^temps +volts +120\.3 +V /m)
  expect(text).toMatch(/^temps +off +no value +A /m)
  expect(text).toMatch(/^temps +never +A /m)
})
