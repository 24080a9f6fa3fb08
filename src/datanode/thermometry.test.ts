import { afterAll, expect, test } from 'bun:test'
import { ownClock } from '../../test/own-clock.ts'
import { fill, testLab, thermometer, until } from '../bridge/lab.test-aid.ts'
import { channels } from '../core/channels.ts'
import { DataAnswer, FieldsAnswer } from '../core/data-node.ts'
import { topic } from '../core/topic.ts'
import { caller } from '../lab/request-client.ts'
import thermometry from './thermometry.ts'

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())

const ARGS = { target: 'ls240', name: 'LSA21OQ', description: 'In the lab.' }

async function asking(lab: ReturnType<typeof testLab>) {
  const ask = await caller(lab.hub.connect('asker'), 'observatory')
  return {
    data: async (params: Record<string, unknown>) =>
      DataAnswer.parse(await ask.query('node', 'get_data', { start: 1, end: 0, ...params })),
    fields: async (params = {}) => FieldsAnswer.parse(await ask.query('node', 'get_fields', params)),
    ask,
  }
}

/** Runs the data node until it receives feeds: later messages reach it immediately. */
async function serve(lab: ReturnType<typeof testLab>, args = {}) {
  lab.lines.length = 0
  const node = await lab.run(thermometry, 'node', { ...ARGS, ...args })
  await until(
    () => lab.lines,
    (lines) => lines.includes('node: serve: Status is now "running".'),
  )
  await new Promise((resolve) => setImmediate(resolve))
  return node
}

test('60 minutes of 10 Hz and 16 fields are back after a start: each row comes once, in few answers', async () => {
  await using lab = testLab()
  const spool = lab.spool('ls240')
  const begun = Date.now() / 1000
  const filled = await fill(spool, 3600, 16)
  await lab.run(thermometer(16).agent, 'ls240', {}, spool)
  const { data } = await asking(lab)
  const answers: number[] = []
  await lab.hub
    .connect('watcher')
    .subscribe(channels.replayed, { root: 'observatory' }, ({ rows }) => answers.push(rows.length))
  await lab.run(thermometry, 'node', ARGS)
  const newest = await until(
    async () => (await data({ fields: ['Channel_16_T'], max_points: 1 })).timeline,
    (got) => (Object.values(got)[0]?.t[0] ?? 0) >= filled,
  )
  expect(Object.keys(newest)).toEqual(['temperatures.temps.Channel_16_T'])
  const all = await data({ fields: ['Channel_1_T', 'Channel_16_T'] })
  const samples = all.data['Channel_1_T']?.length ?? 0
  // An hour is kept: older samples have been dropped in the meantime.
  const gone = 10 * (Date.now() / 1000 - begun + 1)
  expect(samples).toBeGreaterThanOrEqual(36_000 - gone)
  expect(all.data['Channel_16_T']?.length).toBe(samples)
  const rows = answers.reduce((sum, each) => sum + each)
  expect(rows).toBeGreaterThanOrEqual(samples)
  expect(rows).toBeLessThanOrEqual(36_000)
  // As many in each as fit in the 256 KiB of an answer.
  expect(rows / answers.length).toBeGreaterThan(350)
})

test('fields and data have sisock’s shape, relative times too', async () => {
  await using lab = testLab()
  const { agent, temperatures } = thermometer()
  await lab.run(agent, 'ls240', {}, lab.spool('ls240'))
  const feed = await temperatures
  await serve(lab)
  const now = Date.now() / 1000
  for (const age of [30, 20, 10]) {
    feed.publish('temps', now - age, { Channel_1_T: age, Channel_2_T: Number.NaN })
  }
  const { data, fields } = await asking(lab)
  const got = await until(fields, (answer) => Object.keys(answer.fields).length === 2)
  const declared = { units: 'K', resolution: 1e-4, rhythm: 10 }
  const about = { description: null, timeline: 'temperatures.temps', type: 'number' as const, ...declared }
  expect(got).toEqual({
    fields: {
      Channel_1_T: { ...about, source: 'observatory.ls240.feeds.temperatures.Channel_1_T' },
      Channel_2_T: { ...about, source: 'observatory.ls240.feeds.temperatures.Channel_2_T' },
    },
    timelines: {
      'temperatures.temps': { interval: expect.closeTo(10, 3), fields: ['Channel_1_T', 'Channel_2_T'] },
    },
  })
  const all = await data({ fields: ['Channel_1_T', 'channel_2_t', 'nothing', '__proto__'] })
  expect(all.data).toEqual({ Channel_1_T: [30, 20, 10], channel_2_t: [null, null, null], nothing: [] })
  expect(all.timeline).toEqual({
    'temperatures.temps': {
      t: [now - 30, now - 20, now - 10],
      finalized_until: now - 10,
      held_from: now - 30,
    },
  })
  expect((await data({ fields: ['Channel_1_T'], start: -25, end: -15 })).data).toEqual({ Channel_1_T: [20] })
  expect((await data({ fields: ['Channel_1_T'], start: now - 35, end: now - 19 })).data).toEqual({
    Channel_1_T: [30, 20],
  })
  expect((await data({ fields: ['Channel_1_T'], min_stride: 15 })).data).toEqual({ Channel_1_T: [30, 10] })
  expect((await data({ fields: ['Channel_1_T'], max_points: 1 })).timeline).toEqual({
    'temperatures.temps.Channel_1_T': {
      t: [now - 10],
      finalized_until: now - 10,
      held_from: now - 30,
      thinned: true,
    },
  })
  expect(Object.keys((await fields({ start: -5, end: 0 })).fields)).toEqual([])
})

test('live rows, new fields and a clock that steps back all arrive in order of time, once', async () => {
  await using lab = testLab()
  const { agent, temperatures } = thermometer()
  await lab.run(agent, 'ls240', {}, lab.spool('ls240'))
  const feed = await temperatures
  await serve(lab)
  const now = Date.now() / 1000
  feed.publish('temps', now - 100, { Channel_1_T: 1, Channel_2_T: 1 })
  const { data } = await asking(lab)
  const values = async (field: string) => (await data({ fields: [field] })).data[field] ?? []
  await until(
    () => values('Channel_1_T'),
    (got) => got.length === 1,
  )
  feed.publish('temps', now - 50, { Channel_1_T: 3, Channel_2_T: 3 })
  feed.publish('temps', now - 40, { Channel_1_T: 4, Channel_2_T: 4, heater: 'on' })
  feed.publish('temps', now - 70, { Channel_1_T: 2, Channel_2_T: 2, heater: 'off' })
  expect(
    await until(
      () => values('Channel_1_T'),
      (got) => got.length === 4,
    ),
  ).toEqual([1, 2, 3, 4])
  expect(await values('heater')).toEqual([null, 'off', null, 'on'])
})

test('two feeds with one field: feed.field; other feeds only when wanted', async () => {
  await using lab = testLab()
  const { agent, temperatures, extra } = thermometer(1)
  await lab.run(agent, 'ls240', {}, lab.spool('ls240'))
  const [one, other] = [await temperatures, await extra]
  const publish = () => {
    const now = Date.now() / 1000
    one.publish('temps', now - 2, { Channel_1_T: 1 })
    other.publish('more', now - 2, { Channel_1_T: 5, on: true })
  }
  const first = await serve(lab)
  publish()
  const { data, fields } = await asking(lab)
  const names = async () => Object.keys((await fields()).fields).sort()
  expect(await until(names, (got) => got.length > 0)).toEqual(['Channel_1_T'])
  await first.stop()
  await serve(lab, { feed: 'all' })
  publish()
  expect(await until(names, (got) => got.length === 3)).toEqual([
    'extra.Channel_1_T',
    'on',
    'temperatures.Channel_1_T',
  ])
  const all = ['extra.Channel_1_T', 'temperatures.channel_1_t', 'on']
  const answer = await until(
    () => data({ fields: all }),
    (got) => all.every((name) => got.data[name]?.length === 2),
  )
  expect(answer.data).toEqual({
    'extra.Channel_1_T': [5, 5],
    'temperatures.channel_1_t': [1, 1],
    on: [true, true],
  })
})

test('serving again after a stop takes nothing twice', async () => {
  await using lab = testLab()
  const { agent, temperatures } = thermometer(1)
  await lab.run(agent, 'ls240', {}, lab.spool('ls240'))
  const feed = await temperatures
  await serve(lab)
  const now = Date.now() / 1000
  feed.publish('temps', now - 3, { Channel_1_T: 1 })
  const { data, ask } = await asking(lab)
  const values = async () => (await data({ fields: ['Channel_1_T'] })).data['Channel_1_T'] ?? []
  await until(values, (got) => got.length === 1)
  await ask.request('node', 'serve', 'stop')
  await ask.request('node', 'serve', 'wait')
  feed.publish('temps', now - 2, { Channel_1_T: 2 })
  await ask.request('node', 'serve', 'start')
  feed.publish('temps', now - 1, { Channel_1_T: 3 })
  expect(await until(values, (got) => got.length > 2)).toEqual([1, 2, 3])
})

test('a feed that the target does not have: it says which there are', async () => {
  await using lab = testLab()
  await lab.run(thermometer(1).agent, 'pg10', {}, lab.spool('pg10'))
  await serve(lab, { target: 'pg10', feed: 'pressures' })
  const said = await until(
    () => lab.lines.filter((line) => line.includes('pg10')),
    (lines) => lines.length > 0,
  )
  expect(said).toEqual([
    'node: serve: pg10 has no recorded feed "pressures", it has: temperatures, extra. Give --feed=temperatures, or --feed=all for every one',
  ])
})

test('a target that there is not: the node is degraded, says what was meant, and that rows come once they do', async () => {
  await using lab = testLab()
  await lab.run(thermometer(1).agent, 'pg10', {}, lab.spool('pg10'))
  await serve(lab, { target: 'pg11' })
  const { ask } = await asking(lab)
  const isDegraded = async () => (await ask.request('node', 'serve', 'status')).session.degraded
  await until(isDegraded, (now) => now === true)
  expect(lab.lines.join('\n')).toContain('there is no instance "pg11": did you mean "pg10"?')
  const { agent, temperatures } = thermometer(1)
  await lab.run(agent, 'pg11', {}, lab.spool('pg11'))
  ;(await temperatures).publish('temps', Date.now() / 1000, { Channel_1_T: 1 })
  await until(isDegraded, (now) => now === false)
  expect(lab.lines).toContain('node: serve: pg11 sends rows now')
})

test('the hub sends a node nothing of other agents, nor of feeds that it does not serve', async () => {
  await using lab = testLab()
  const { agent, temperatures } = thermometer()
  await lab.run(agent, 'ls240', {}, lab.spool('ls240'))
  const feed = await temperatures
  await serve(lab)
  const root = 'observatory'
  const [other, unserved, served] = [
    { root, instance: 'other', feed: 'temperatures' },
    { root, instance: 'ls240', feed: 'extra' },
    { root, instance: 'ls240', feed: 'temperatures' },
  ].map((address) => topic(channels.feed, address))
  // A subscriber that receives one of these reports that it was left out.
  for (const name of [other, unserved, served]) lab.hub.say(name ?? '', 'no JSON')
  lab.hub.say(topic(channels.presence, { root, instance: 'other' }), 'no JSON')
  feed.publish('temps', Date.now() / 1000, { Channel_1_T: 1 })
  const { data } = await asking(lab)
  await until(
    () => data({ fields: ['Channel_1_T'] }),
    (got) => got.data['Channel_1_T']?.length === 1,
  )
  const left = lab.lines.filter((line) => line.startsWith('node: a message on '))
  expect(left).toEqual([expect.stringContaining(`${served} was left out`)])
})
