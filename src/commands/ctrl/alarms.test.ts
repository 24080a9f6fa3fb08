import { afterAll, beforeAll, expect, test } from 'bun:test'
import { ruleOf } from '../../agents/alarm/alarm.test-aid.ts'
import alarm from '../../agents/alarm/alarm.ts'
import { Action, type AlarmSettings } from '../../core/alarm-rules.ts'
import { AlarmsData } from '../../core/alarms.ts'
import { commandLab, type TestLab } from './ctrl.test-aid.ts'

const settings: AlarmSettings = {
  mail: undefined,
  actions: [
    Action.parse({ name: 'phone', command: ['true'] }),
    Action.parse({ name: 'broken', command: ['false'] }),
  ],
  rules: [
    ruleOf('agent', { name: 'lost', agent: 'ls240', delay: 0, actions: ['phone'] }),
    ruleOf('agent', { name: 'calm', agent: 'fake', delay: 0, severity: 'warning' }),
  ],
}
let lab: TestLab
beforeAll(async () => {
  lab = await commandLab()
})
afterAll(() => lab[Symbol.asyncDispose]())

test('without an alarm agent it says what to do', async () => {
  const { code, err } = await lab.ocs('ctrl', 'alarms')
  expect([code, err]).toEqual([
    3,
    expect.stringContaining('give the site file an instance of agent-class AlarmAgent'),
  ])
})

test('alarms are listed, acknowledged, silenced; actions are tested; nobody waits', async () => {
  await lab.start('fake')
  await lab.start('alarms', {}, alarm, { alarms: settings, instances: new Map() })
  expect((await lab.ocs('ctrl', 'alarms')).out).toMatch(/^no alarm is raised; alarms watched: \d\n$/)
  const refused = await lab.ocs('ctrl', 'alarms', 'ack', 'lost')
  expect([refused.code, refused.err]).toEqual([
    1,
    expect.stringMatching(/lost is not raised|no alarm "lost"/),
  ])
  const raised = async () => {
    for (;;) {
      const all = JSON.parse((await lab.ocs('ctrl', 'alarms', '--json')).out) as {
        name: string
        state: string
      }[]
      if (all.find(({ name }) => name === 'lost')?.state === 'active') return all
    }
  }
  expect((await raised()).map(({ name, state }) => [name, state])).toEqual([
    ['lost', 'active'],
    ['calm', 'clear'],
  ])
  expect((await lab.ocs('ctrl', 'alarms')).out).toMatch(
    /^ALARM +SEVERITY +STATE +FOR +WHAT\nlost +alarm +active +[\d.]+ \w+( \d+ \w+)? +ls240 does not run\n$/,
  )
  const acked = await lab.ocs('ctrl', 'alarms', 'ack', 'lost', '--by=Maya', '--text', 'cable is out')
  expect(acked.out).toBe('lost: acknowledged by Maya: cable is out\n')
  const silenced = await lab.ocs('ctrl', 'alarms', 'silence', 'all', '--for=2h', '--by=Maya')
  expect(silenced.out).toMatch(/^all: silenced by Maya until \d{4}-\d\d-\d\dT\S+Z\n$/)
  expect((await lab.ocs('ctrl', 'alarms', '--all')).out).toMatch(
    /lost +alarm +active, acknowledged +[\d.]+ \w+( \d+ \w+)? +ls240 does not run \(Maya: cable is out\) \(silenced until [^\n]+\ncalm /,
  )
  expect((await lab.ocs('ctrl', 'alarms', 'unsilence', 'all')).code).toBe(0)
  expect((await lab.ocs('ctrl', 'alarms', 'silence', 'lots')).err).toContain(
    'no alarm "lots": did you mean "lost"?',
  )
  expect((await lab.ocs('ctrl', 'alarms', 'silence', 'lost', '--for=soon')).code).toBe(2)
  expect((await lab.ocs('ctrl', 'alarms', 'test', 'phone')).out).toBe('phone: done\n')
  const broken = await lab.ocs('ctrl', 'alarms', 'test', 'broken')
  expect([broken.code, broken.err]).toEqual([1, expect.stringContaining('broken: ended with exit code 1')])
  expect((await lab.ocs('ctrl', 'alarms', 'test', 'phne')).err).toContain(
    'no action "phne": did you mean "phone"?',
  )
  // The screen is made anew once a second.
  const shown = async (): Promise<AlarmsData> => {
    const { session } = await lab.ask.request('alarms', 'watch', 'status')
    const data = AlarmsData.parse((session as { data: unknown }).data)
    const { acknowledged = null, silenced_until = '' } = data.alarms[0] ?? {}
    return acknowledged !== null && silenced_until === null ? data : shown()
  }
  const data = await shown()
  expect(data.alarms).toMatchObject([{ name: 'lost', acknowledged: { by: 'Maya' }, silenced_until: null }])
  expect(data).toMatchObject({
    rules: 2,
    watched: 2,
    actions: { phone: { done: 1, failed: 0, waiting: 0, problem: null } },
  })
})
