import { afterAll, afterEach, expect, test } from 'bun:test'
import { cpSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { ownClock } from '../../test/own-clock.ts'
import { testLab, until } from '../bridge/lab.test-aid.ts'
import { defineAgent } from '../core/agent.ts'
import { answerOf, DataAnswer, FieldsAnswer } from '../core/data-node.ts'
import { caller } from '../lab/request-client.ts'
import { Archive } from '../storage/archive/archive.ts'
import { cleanUp, folder } from '../storage/recorder/recorder.test-aid.ts'
import node, { archiveData, archiveFields } from './g3-archive.ts'

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())

afterEach(cleanUp)

const T0 = 1_700_000_000

async function fixtures(): Promise<Archive> {
  const archive = new Archive('fixtures/g3')
  await archive.rescan()
  return archive
}

test('fields and data have sisock’s shape; co-sampled fields share a timeline', async () => {
  using archive = await fixtures()
  const { fields, timelines } = archiveFields(archive, { start: T0 - 10, end: T0 + 10 })
  expect(fields['LSA240.temperatures.channel_1_T']).toEqual({
    description: null,
    timeline: 'LSA240.temperatures.temps',
    type: 'number',
    units: null,
    source: 'observatory.LSA240.feeds.temperatures.channel_1_T',
    recorded: { field: 'channel_1_T', type: 'double' },
  })
  expect(fields['LSA240.temperatures.heater_on']?.type).toBe('bool')
  expect(Object.keys(fields)).not.toContain('observatory.old.hwp_position')
  expect(timelines['LSA240.temperatures.temps']?.interval).toBeCloseTo(0.1)
  const names = ['LSA240.temperatures.channel_1_V', 'lsa240.temperatures.heater_on', 'nothing', '__proto__']
  const answer = answerOf(await archiveData(archive, { fields: names, start: T0, end: T0 + 1 }), {})
  expect(DataAnswer.parse(JSON.parse(JSON.stringify(answer))).data).toEqual({
    'LSA240.temperatures.channel_1_V': [null, null, 5e-324, 1.7976931348623157e308],
    'lsa240.temperatures.heater_on': [true, false, true, true],
    nothing: [],
  })
  expect(answer.timeline).toEqual({
    'LSA240.temperatures.temps': { t: [T0, T0 + 0.1, T0 + 0.2, T0 + 0.3], finalized_until: T0 + 2.3 },
  })
})

test('few points keep the extremes and the newest', async () => {
  using archive = await fixtures()
  const fields = ['LSA240.temperatures.channel_1_T', 'LSA240.temperatures.state']
  const answer = await archiveData(archive, { fields, start: 1, end: 0, max_points: 3 })
  expect([...(answer.data['LSA240.temperatures.channel_1_T'] ?? [])].slice(0, 2)).toEqual([-0, 297.25])
  expect(answer.timeline['LSA240.temperatures.temps.channel_1_T']?.t.at(-1)).toBe(T0 + 2.3)
  expect(answer.data['LSA240.temperatures.state']).toHaveLength(3)
})

test('on the bus: the good part of a file that is not whole is served, and the file named', async () => {
  await using lab = testLab()
  const dir = join(folder(), 'data')
  mkdirSync(dir)
  cpSync('fixtures/g3/hk-schema1.g3', join(dir, 'a.g3'))
  writeFileSync(join(dir, 'b.g3'), readFileSync('fixtures/g3/hk.g3').subarray(0, 5000))
  utimesSync(join(dir, 'b.g3'), T0, T0)
  await lab.run(node, 'archive', { data_dir: dir, index_dir: folder() })
  const ask = await caller(lab.hub.connect('asker'), 'observatory')
  const fields = async () =>
    Object.keys(FieldsAnswer.parse(await ask.query('archive', 'get_fields', {})).fields)
  const list = await until(fields, (found) => found.includes('LSA240.temperatures.channel_1_T'))
  expect(list).toContain('observatory.old.position')
  // Files have no units: they come from the agent that recorded the fields, even after it is gone.
  const thermometer = defineAgent({
    ...{ class: 'TestThermometer', help: 'One.', args: z.object({}), connect: async () => ({}) },
    feeds: {
      temperatures: {
        ...{ help: 'Temperatures.', record: true },
        blocks: { temps: { channel_1_T: { units: 'K', description: '4K plate', rhythm: 10 } } },
      },
    },
  })
  const agent = await lab.run(thermometer, 'LSA240', {}, lab.spool('LSA240'))
  await agent.stop()
  const about = async () =>
    FieldsAnswer.parse(await ask.query('archive', 'get_fields', {})).fields['LSA240.temperatures.channel_1_T']
  expect(await until(about, (found) => found?.units === 'K')).toMatchObject({
    ...{ description: '4K plate', rhythm: 10 },
  })
  await until(
    () => lab.lines,
    (lines) => lines.some((line) => line.includes('b.g3 is served up to byte')),
  )
})

test('on the bus: a store of moved files that does not answer is told, and the rest is served', async () => {
  await using lab = testLab()
  const dir = join(folder(), 'data')
  mkdirSync(join(dir, '.ocs'), { recursive: true })
  cpSync('fixtures/g3/hk.g3', join(dir, 'a.g3'))
  const moved = { file: '17000/1700000000.g3', size: 100, sha256: 'x', mtime: 1, verified: 1 }
  // Nobody listens on port 9.
  const place = { store: 's3://lab/hk', endpoint: 'http://127.0.0.1:9' }
  writeFileSync(join(dir, '.ocs', 'moved.jsonl'), `${JSON.stringify({ ...moved, ...place })}\n`)
  await lab.run(node, 'archive', { data_dir: dir, index_dir: folder() })
  const ask = await caller(lab.hub.connect('asker'), 'observatory')
  const isDegraded = async () => (await ask.request('archive', 'serve', 'status')).session.degraded
  await until(isDegraded, (is) => is)
  expect(lab.lines.filter((line) => line.includes('17000/1700000000.g3 is stored elsewhere: '))).not.toEqual(
    [],
  )
  const { fields } = FieldsAnswer.parse(await ask.query('archive', 'get_fields', {}))
  expect(Object.keys(fields)).toContain('LSA240.temperatures.channel_1_T')
  // With the file back the node is running normally.
  mkdirSync(join(dir, '17000'))
  cpSync('fixtures/g3/hk.g3', join(dir, '17000', '1700000000.g3'))
  await until(isDegraded, (is) => !is)
})
