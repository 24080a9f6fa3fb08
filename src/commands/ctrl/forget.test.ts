import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { startBridge } from '../../bridge/bridge.ts'
import { connectMqtt, reached } from '../../bus/mqtt.ts'
import { channels } from '../../core/channels.ts'
import { count, counts } from '../../runtime/counts.test-aid.ts'
import { Spool } from '../../runtime/spool/spool.ts'
import { commandLab, type TestLab } from './ctrl.test-aid.ts'

const ROOT = 'observatory'
let lab: TestLab
beforeAll(async () => {
  lab = await commandLab()
})
afterAll(() => lab[Symbol.asyncDispose]())

const forget = (...words: string[]) => lab.ocs('ctrl', 'forget', ...words)

/** Every retained topic beneath an instance, as a newcomer gets them. */
async function retained(instance: string): Promise<string[]> {
  await using bus = connectMqtt({ url: lab.url, client: `look-${crypto.randomUUID().slice(0, 8)}` })
  await reached(bus, lab.url, 3600)
  const found: string[] = []
  const at = { root: ROOT, instance }
  await bus.subscribe(channels.presence, at, () => found.push('presence'))
  await bus.subscribe(channels.api, at, () => found.push('api'))
  await bus.subscribe(channels.session, at, () => found.push('session'))
  await bus.subscribe(channels.last, at, () => found.push('last'))
  await bus.subscribe(channels.hub, { root: ROOT }, () => {})
  return found
}

test('one that runs is left alone: it is said where it runs and how it is stopped', async () => {
  const { stop } = await lab.start('alive')
  const { code, err } = await forget('alive')
  expect(code).toBe(1)
  expect(err).toContain(`alive runs on ${hostname()}, pid ${process.pid}, since `)
  expect(err).toContain(`kill ${process.pid} there`)
  expect(await retained('alive')).not.toEqual([])
  await stop()
  expect((await forget('alife')).err).toContain('did you mean "alive"?')
})

test('one that the site file expects is left alone', async () => {
  const { stop } = await lab.start('wanted')
  await stop()
  const file = join(lab.folder, 'lab.yaml')
  const entry = (more: string) =>
    writeFileSync(
      file,
      `hub: {mqtt_server: "${lab.url}"}\nhosts:\n  localhost:\n    agent-instances:\n      - {instance-id: wanted, agent-class: FakeDataAgent${more}}\n`,
    )
  entry('')
  expect(await forget('wanted', '--site-file', file)).toMatchObject({
    code: 1,
    err: expect.stringMatching(/lab\.yaml:5:.* wanted is in the site file/),
  })
  entry(', manage: no')
  expect(await forget('wanted', '--site-file', file)).toMatchObject({ code: 0 })
})

test('one whose spool holds what nobody has recorded is kept, unless it is said', async () => {
  const { stop } = await lab.start('trial')
  await stop()
  const folder = join(lab.folder, 'maya', ROOT)
  mkdirSync(folder, { recursive: true })
  const spool = new Spool(join(folder, 'trial.sqlite'))
  for (let n = 0; n < 3; n++) spool.append('counts', counts, count('e0', n, 1_700_050_000 + n))
  await spool.flush()
  spool.acknowledge('counts', 'e0', 1)
  await spool.close()
  const refused = await forget('trial')
  expect([refused.code, refused.err]).toEqual([
    1,
    expect.stringMatching(
      /2 rows of trial in \S+trial\.sqlite are not known to be recorded: ocs spool drain/,
    ),
  ])
  expect(await retained('trial')).not.toEqual([])
  expect(await forget('trial', '--even-unrecorded')).toMatchObject({ code: 0 })
  expect(await retained('trial')).toEqual([])
  rmSync(folder, { recursive: true })
})

test('what is forgotten goes from hub, status and page, and it is told who forgot it', async () => {
  await lab.start('fake')
  const { stop } = await lab.start('gone')
  expect((await lab.ocs('ctrl', 'start', 'gone', 'delay_task', '--delay=0', '--wait')).code).toBe(0)
  await using bus = connectMqtt({ url: lab.url, client: 'bridge' })
  const read = Promise.withResolvers<void>()
  await bus.subscribe(channels.last, { root: ROOT, instance: 'gone' }, () => read.resolve())
  expect((await lab.ocs('ctrl', 'start', 'gone', 'acq')).code).toBe(0)
  await read.promise
  await stop()
  const told = Promise.withResolvers<string>()
  await bus.subscribe(channels.event, { root: ROOT, instance: 'gone' }, ({ kind, text }) => {
    if (kind === 'forgotten') told.resolve(text)
  })
  const bridge = await startBridge({
    bus,
    root: ROOT,
    listen: { host: '127.0.0.1', port: 0 },
    log: () => {},
  })
  const over = new AbortController()
  try {
    const stream = await fetch(`${bridge.url}/page/stream`, { signal: over.signal })
    let said = ''
    const shown = Promise.withResolvers<void>()
    const forgotten = Promise.withResolvers<void>()
    void (async () => {
      const decoder = new TextDecoder()
      for await (const chunk of stream.body as ReadableStream<Uint8Array>) {
        said += decoder.decode(chunk, { stream: true })
        if (said.includes('"gone"')) shown.resolve()
        if (said.includes('event: forgotten\ndata: {"instance":"gone"}\n')) forgotten.resolve()
      }
    })().catch(() => {})
    await shown.promise
    expect((await lab.ocs('ctrl', 'ls')).out).toContain('gone')
    expect(await retained('gone')).toEqual(expect.arrayContaining(['presence', 'api', 'session', 'last']))

    expect(await forget('gone', '--by', 'maya')).toEqual({
      code: 0,
      out: expect.stringMatching(
        /^gone is forgotten: its state, [1-9] sessions?, last values of [1-9] feeds?\n$/,
      ),
      err: '',
    })
    expect(await told.promise).toBe('forgotten by maya: no longer shown')
    expect(await retained('gone')).toEqual([])
    await forgotten.promise
    const agents = (await (await fetch(`${bridge.url}/api/agents`)).json()) as object[]
    expect(JSON.stringify(agents)).not.toContain('gone')
    expect(JSON.stringify(agents)).toContain('fake')
    expect((await lab.ocs('ctrl', 'ls')).out).not.toContain('gone')
    // Started again, it is there again.
    const again = await lab.start('gone')
    expect((await lab.ocs('ctrl', 'ls')).out).toContain('gone')
    await again.stop()
  } finally {
    over.abort()
    await bridge.close()
  }
})
