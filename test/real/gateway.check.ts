/** An agent that stays on a crossbar appears here: presence, api, operations, feeds; it does not notice. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { type AddressInfo, createServer } from 'node:net'
import { spooled, unacknowledged } from './archive.ts'
import { OcsSite, ROUTER_URL } from './crossbar.ts'
import { figure, Lab, seconds, until } from './roles.ts'

setDefaultTimeout(400_000)

const PYTHON = process.env['OCS_SOCS_PYTHON'] ?? ''

test('it is seen, operated and recorded here, and goes on when nobody speaks for it', async () => {
  await using lab = new Lab({ OCS_PYTHON: PYTHON })
  const ocs = new OcsSite(lab, [
    "{instance-id: data1, agent-class: FakeDataAgent, arguments: [--mode, acq, --num-channels, '2']}",
  ])
  await ocs.router()
  let theirs = await ocs.agent('data1')
  const site = lab.site(
    'instance-id: aggregator, agent-class: AggregatorAgent, arguments: [--data-dir, data]',
    `instance-id: data1, agent-class: FakeDataAgent, crossbar: "${ROUTER_URL}"`,
  )
  expect((await lab.run(['check', ...site, '--no-instruments'])).out).toContain(`data1: uses ${ROUTER_URL}`)
  await lab.hub(...site)
  const recorder = lab.start('aggregator', ['agent', '--instance-id', 'aggregator', ...site])
  const start = () => lab.start('data1', ['agent', '--instance-id', 'data1', ...site])
  let gateway = start()
  await gateway.says('channel_00', 90)
  const ctrl = (...args: string[]) => lab.run(['ctrl', ...args, ...site], {}, 60)
  expect((await ctrl('ls')).out).toMatch(/data1.*online.*FakeDataAgent|data1.*FakeDataAgent.*online/)
  expect(await lab.session('data1', 'acq')).toMatchObject({
    status: 'running',
    data: { fields: expect.anything() },
  })
  expect(await ctrl('start', 'data1', 'delay_task', '--delay', '0.1', '--wait')).toMatchObject({
    code: 0,
  })
  await theirs.says(/delay_task:\d+ Status is now "done"/, 20)

  // Ending the gateway does not end the agent there, and the next gateway finds it unchanged.
  const begun = (await lab.session('data1', 'acq'))?.['start_time']
  expect(begun).toBeNumber()
  const mark = theirs.mark
  await gateway.stop()
  expect(gateway.text()).toContain('It is still running in its own process.')
  // The agent publishes every two or three seconds: some of it while no gateway is there.
  await seconds(8)
  gateway = start()
  await gateway.says('channel_00', 60)
  // Messages in the meantime were received by nobody.
  await gateway.says(/false_temperatures: no data from .*: about \d+ rows? lost/, 60)
  expect(theirs.lines.slice(mark).filter(({ text }) => text.includes('acq:'))).toEqual([])

  // The agent's own end is noticed, and so is its return.
  await theirs.kill()
  const isDegraded = async () => (await lab.session('data1', 'acq'))?.['degraded']
  await until('it is degraded', 40, async () => (await isDegraded()) === true)
  theirs = await ocs.agent('data1')
  await until('it is back', 60, async () => (await isDegraded()) === false)
  // Stopping it here stops it there.
  expect((await ctrl('stop', 'data1', 'acq', '--wait')).code).toBe(0)
  await theirs.says(/acq:\d+ Status is now "done"/, 20)
  await until('all is recorded', 60, () => unacknowledged(lab.path('state')) === 0)
  await gateway.stop()
  await recorder.stop()
  const audit = await lab.run(['audit', '--data-dir', lab.path('data'), ...site])
  expect(audit).toMatchObject({ code: 0, out: expect.stringContaining('whole') })
  figure(
    `${spooled(lab.path('state')).filter(({ instance }) => instance === 'data1').length} rows of an agent on crossbar`,
  )
})

test('a crossbar that takes connections and never answers is told, and does not hold the gateway', async () => {
  await using lab = new Lab({ OCS_PYTHON: PYTHON })
  await using silent = createServer((socket) => void socket.on('error', () => {}).resume())
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const url = `ws://127.0.0.1:${(silent.address() as AddressInfo).port}/ws`
  const site = lab.site(`instance-id: data1, agent-class: FakeDataAgent, crossbar: "${url}"`)
  await lab.hub(...site)
  const gateway = lab.start('data1', ['agent', '--instance-id', 'data1', ...site])
  await gateway.says(`${url} cannot be reached: it takes connections and does not answer`, 120)
  expect((await gateway.ended(30)).code).toBe(3)
})
