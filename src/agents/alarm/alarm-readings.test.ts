import { expect, test } from 'bun:test'
import { bookOn, ruleOf } from './alarm.test-aid.ts'
import { Readings } from './alarm-readings.ts'

const watching = (...fields: string[]) => {
  const { book, clock } = bookOn()
  const rules = fields.map((field) => ruleOf('stale', { field, after: 30 }))
  return new Readings('alarms', [...rules, ruleOf('agent', { agent: '*' })], book, clock.now).only.of
}

test('the feeds that rules name are all that is wanted, each once, unless one leaves open which', () => {
  const temps = { instance: 'ls240', feed: 'temps' }
  expect(watching('ls240.temps.T1', 'ls240.temps.*', 'pump.state.p')).toEqual([
    temps,
    { instance: 'pump', feed: 'state' },
  ])
  expect(watching()).toEqual([])
  expect(watching('ls240.temps.T1', '*.temps.T1')).toBeUndefined()
  expect(watching('ls240.temps.T1', 'ls372.temp?.T1')).toBeUndefined()
})
