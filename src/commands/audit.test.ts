import { afterAll, beforeAll, expect, test } from 'bun:test'
import { cpSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import aggregator from '../agents/aggregator.ts'
import { connectMqtt } from '../bus/mqtt.ts'
import { channels } from '../core/channels.ts'
import { Spool } from '../runtime/spool/spool.ts'
import { commandLab, commandLine, type TestLab } from './ctrl/ctrl.test-aid.ts'

const root = 'observatory'
const FEED = 'false_temperatures'
let lab: TestLab
let spool: Spool
let data = ''
let rows = 0
beforeAll(async () => {
  lab = await commandLab()
  data = join(lab.folder, 'data')
  // Not in the state folder that the command looks into: what is known of it comes over the hub.
  spool = new Spool(join(lab.folder, 'agent', 'fake.sqlite'))
  await lab.start('aggregator', { data_dir: data, frame_length: 1 }, aggregator)
  await lab.start('fake', { sample_rate: 10 }, undefined, undefined, spool)
})
afterAll(() => lab[Symbol.asyncDispose]())

/** Has the agent read once more, until it and the recorder say on the bus that all is recorded. `rows` is how many there are then. */
async function read(): Promise<void> {
  await lab.ask.request('fake', 'acq', 'start', { test_mode: true })
  await lab.ask.request('fake', 'acq', 'wait')
  await spool.flush()
  rows = spool.held(FEED)[0]?.last ?? 0
  await using bus = connectMqtt({ url: lab.url, client: 'eye' })
  const [beat, record] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  await bus.subscribe(channels.presence, { root, instance: 'fake' }, ({ feeds }) => {
    if (feeds?.[FEED]?.epochs[0]?.acked === rows) beat.resolve()
  })
  await bus.subscribe(channels.session, { root, instance: 'aggregator', op: 'record' }, ({ data }) => {
    const { providers } = data as { providers: Record<string, { recorded: number }> }
    if (Object.values(providers).some(({ recorded }) => recorded === rows)) record.resolve()
  })
  await Promise.all([beat.promise, record.promise])
}
/** What the command says of the one epoch, by the files alone. */
async function alone(dir: string) {
  const line = commandLine(['audit', '--data-dir', dir], { state: join(lab.folder, 'maya') })
  return { code: await line.code, out: line.out(), err: line.err() }
}

test('an epoch is whole when its agent, asked over the hub, says that this was its last row', async () => {
  await read()
  expect(await alone(data)).toMatchObject({
    code: 0,
    out: expect.stringMatching(
      new RegExp(` ${rows} +${rows} .* to row ${rows}\\n.*nor its spool was available`, 's'),
    ),
  })
  const asked = await lab.ocs('audit', `--data-dir=${data}`)
  expect([asked.code, asked.err]).toEqual([0, ''])
  expect(asked.out.trimEnd().split('\n').at(-1)).toContain('a time when nothing was read leaves no trace')
  const { out: json } = await lab.ocs('audit', `--data-dir=${data}`, '--json')
  expect(JSON.parse(json)).toMatchObject({ files: 1, not_seen: expect.stringContaining('ocs plot') })
  expect(asked.out).toMatch(
    new RegExp(`observatory.fake.feeds.false_temperatures +\\S+ +${rows} +${rows} +\\d+ +whole\n`),
  )
})

test('of a copy that is behind its agent says that more was recorded elsewhere', async () => {
  const copy = join(lab.folder, 'copy')
  cpSync(data, copy, { recursive: true })
  const before = (await alone(copy)).out
  await read()
  expect((await alone(copy)).out).toBe(before)
  const asked = await lab.ocs('audit', `--data-dir=${copy}`)
  expect(asked).toMatchObject({
    code: 0,
    out: expect.stringContaining('more rows of its agent were recorded'),
  })
})

test('where the hub is away the files are judged all the same', async () => {
  const line = commandLine(['audit', '--data-dir', data, '--site-hub', 'mqtt://127.0.0.1:1'], {
    state: join(lab.folder, 'maya'),
  })
  expect(await line.code).toBe(0)
  expect(line.err()).toStartWith('agents were not asked: no hub at mqtt://127.0.0.1:1')
  expect(line.out()).toBe((await alone(data)).out)
})

test('what the directory’s own recorder has recorded is missing when its files are gone', async () => {
  for (const name of readdirSync(data).filter((name) => name !== '.ocs'))
    rmSync(join(data, name), { recursive: true })
  const nothing = await alone(data)
  expect([nothing.code, nothing.err]).toEqual([2, expect.stringContaining('there are no .g3 files in it')])
  const asked = await lab.ocs('audit', `--data-dir=${data}`)
  expect([asked.code, asked.err]).toEqual([
    1,
    expect.stringContaining('1 of its files or epochs are incomplete'),
  ])
  expect(asked.out).toContain(`rows 1 to ${rows} are missing`)
})
