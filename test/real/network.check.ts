/**
 * The hub dies, freezes, is crowded; cables are pulled between hosts (network namespaces on a switch).
 * Measures the effect of each; so3g and spt3g find every sample afterwards.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { connectMqtt } from '../../src/bus/mqtt.ts'
import { channels } from '../../src/core/channels.ts'
import { compare, spooled, unacknowledged } from './archive.ts'
import { DemoLab } from './demo-lab.ts'
import { HERE, type Host, Network } from './hosts.ts'
import { subscriber } from './listener.ts'
import { figure, Lab, type Running, SLOW, seconds, until } from './roles.ts'

const RESTARTS = Number(process.env['RESTARTS'] ?? 8)
setDefaultTimeout(260_000 + 5000 * RESTARTS)

/** Seconds until a silent connection is given up, and until an agent is back. */
const NOTICED = 8
const BACK = 2
/** A short frame, so that rows are recorded soon. */
const FRAME = ['--frame-length', '0.2']
const EVERYWHERE = ['--listen', '127.0.0.1:1883', '--listen', `${HERE}:1883`, '--insecure']

/** `1.23 s`, between two times of the monotonic clock in ms. */
const took = (from: number, to: number) => `${((to - from) / 1000).toFixed(2)} s`

/** Waits until the recorder has everything, ends the roles in turn, and has the files checked. */
async function allRecorded(lab: Lab, dataDir: string, ...roles: Running[]): Promise<void> {
  await until('everything is recorded', 60, () => unacknowledged(lab.path('state')) === 0)
  for (const role of roles) expect(await role.stop()).toMatchObject({ code: 0 })
  await compare(lab, dataDir, spooled(lab.path('state')))
}

test('from the start of a new hub to the first sample in a synced file', async () => {
  await using lab = new Lab()
  const demo = new DemoLab(lab)
  let hub = await lab.hub()
  const sim = await demo.sim240()
  const agent = demo.ls240(10)
  const recorder = demo.aggregator(...FRAME)
  // The recorder acknowledges rows in a synced file.
  await using bus = connectMqtt({
    url: 'mqtt://127.0.0.1:1883',
    client: 'watch',
    credentials: () => lab.credentials(),
  })
  let acked = 0
  await bus.subscribe(channels.ack, { root: 'observatory', instance: 'ls240' }, () => {
    acked = performance.now()
  })
  await until('something is recorded', 20, () => acked > 0)
  const whole: number[] = []
  const listening: number[] = []
  while (whole.length < RESTARTS) {
    await hub.kill()
    // By then messages in flight are written, so later ones came through the new hub.
    await seconds(0.5 + Math.random())
    const again = performance.now()
    hub = await lab.hub()
    await until('something is recorded', 20, () => acked > again)
    whole.push((acked - again) / 1000)
    const listens = hub.lines.find(({ text }) => text.includes('listening'))?.at ?? again
    listening.push((acked - listens) / 1000)
  }
  await sim.stop()
  await allRecorded(lab, demo.dataDir, agent, recorder)
  const { median, max } = spread(whole)
  const of = `median ${median.toFixed(2)} s, max ${max.toFixed(2)} s`
  const { median: ready, max: late } = spread(listening)
  figure(
    `${RESTARTS} hubs killed and started, to the first sample recorded: ${of} from the command, ` +
      `median ${ready.toFixed(2)} s, max ${late.toFixed(2)} s from when the hub listens`,
  )
  // How soon a program starts depends on the machine.
  expect(ready).toBeLessThan(SLOW * 1)
  expect(late).toBeLessThan(SLOW * 2)
})

/** The median and the maximum. */
function spread(values: readonly number[]): { median: number; max: number } {
  const sorted = values.toSorted((a, b) => a - b)
  return { median: sorted[sorted.length >> 1] ?? 0, max: sorted.at(-1) ?? 0 }
}

test('a cable pulled and a hub frozen: noticed by both sides, and nothing is lost', async () => {
  await using lab = new Lab()
  const demo = new DemoLab(lab)
  const network = await Network.open(lab)
  const far = await network.host('far')
  const hub = await lab.hub(...EVERYWHERE)
  const sim = await demo.sim240()
  const recorder = demo.aggregator(...FRAME)
  const site = siteOf(lab, 'Lakeshore240Agent', ['--serial-number', 'LSA21OQ', '--port', demo.pty])
  const agent = far.start('ls240', site)
  const presence = watch(lab, 'ls240')
  await agent.says('Channel_1 ')
  await seconds(2)

  far.pull()
  const pulled = performance.now()
  const lost = agent.says('transport lost', 20, agent.mark)
  const told = await presence.says('"lost"', 20, presence.mark)
  const { at: noticed } = await lost
  figure(
    `cable pulled: the hub says so after ${took(pulled, told.at)}, the agent after ${took(pulled, noticed)}`,
  )
  await seconds(1)
  const plugged = performance.now()
  const [mark, read] = [agent.mark, presence.mark]
  far.plug()
  const healed = await agent.says('transport connected', 20, mark)
  await presence.says('"online"', 20, read)
  figure(`cable back: connected after ${took(plugged, healed.at)}`)
  await until('the outage is recorded', 30, () => unacknowledged(lab.path('state')) < 5)

  const frozenMark = agent.mark
  hub.signal('SIGSTOP')
  const frozen = performance.now()
  const gone = await agent.says('transport lost', 20, frozenMark)
  await seconds(1)
  const backMark = agent.mark
  const thawed = performance.now()
  hub.signal('SIGCONT')
  const back = await agent.says('transport connected', 20, backMark)
  figure(
    `hub frozen (SIGSTOP): the agent says so after ${took(frozen, gone.at)}, ` +
      `and is connected ${took(thawed, back.at)} after it goes on`,
  )
  await until('the freeze is recorded', 30, () => unacknowledged(lab.path('state')) < 5)
  await sim.stop()
  await allRecorded(lab, demo.dataDir, agent, recorder)
  for (const [from, to] of [
    [pulled, told.at],
    [pulled, noticed],
    [frozen, gone.at],
  ] as const) {
    expect(to - from).toBeLessThan(SLOW * NOTICED * 1000)
  }
})

test('an agent that was killed, or whose host has vanished, is back within 2 s; a live one is not doubled', async () => {
  await using lab = new Lab()
  const network = await Network.open(lab)
  const [here, there] = [await network.host('mill'), await network.host('barn')]
  await lab.hub(...EVERYWHERE)
  const recorder = new DemoLab(lab).aggregator(...FRAME)
  const site = siteOf(lab, 'FakeDataAgent', ['--mode', 'acq', '--frame-length', '0.2'])
  const start = (host: Host) =>
    host.start('fake', site, { env: { OCS_STATE_DIR: lab.path('state', host.name) } })
  let agent = start(here)
  await agent.says('session joined', 30)
  const again: number[] = []
  const joining: number[] = []
  for (let time = 0; time < 5; time++) {
    await agent.kill()
    const started = performance.now()
    agent = start(here)
    const { at } = await agent.says('session joined', 30)
    again.push((at - started) / 1000)
    joining.push(at - begun(agent))
  }
  figure(`killed and started again: on the hub after ${again.map((s) => s.toFixed(2)).join(', ')} s`)

  const double = start(there)
  const { code } = await double.ended(20)
  expect(double.text('err')).toMatch(
    new RegExp(`fake is already running: on mill, pid ${agent.pid}, since .*Stop that one first`),
  )
  expect(code).toBe(1)

  const mark = agent.mark
  here.pull()
  const vanished = performance.now()
  const moved = start(there)
  const { at } = await moved.says('session joined', 30)
  figure(`its host has vanished: on the hub from another ${took(vanished, at)} after the command`)
  await moved.says('channel_00')
  // When the first host is back, its agent finds its place taken and keeps its rows.
  here.plug()
  await agent.says(/transport lost|refused|held/, 20, mark)
  expect(moved.end).toBeUndefined()
  expect(await moved.stop()).toMatchObject({ code: 0 })
  await agent.says('transport connected', 20, mark)
  await seconds(2)
  expect(await agent.stop()).toMatchObject({ code: 0 })
  expect(await recorder.stop()).toMatchObject({ code: 0 })
  expect(Math.max(...joining, at - begun(moved))).toBeLessThan(SLOW * BACK * 1000)
})

/** When an agent printed its first line: how soon a program starts depends on the machine. */
function begun(agent: Running): number {
  return agent.lines.find(({ text }) => text.includes(' starting '))?.at ?? 0
}

/** The arguments that start an agent on any host, with the hub on this machine. */
function siteOf(lab: Lab, agentClass: string, args: readonly string[]): string[] {
  const file = lab.path('site.yaml')
  const instance = agentClass === 'FakeDataAgent' ? 'fake' : 'ls240'
  const entry = { 'agent-class': agentClass, 'instance-id': instance, arguments: args }
  const host = { 'log-dir': lab.path('log'), 'agent-instances': [entry] }
  const hub = { mqtt_server: `mqtt://${HERE}:1883`, address_root: 'observatory', wamp_realm: 'test_realm' }
  writeFileSync(file, JSON.stringify({ hub, hosts: { lab: host } }))
  return ['agent', '--instance-id', instance, '--site-file', file, '--site-host', 'lab']
}

/** Prints the messages of an agent's presence. */
function watch(lab: Lab, instance: string): Running {
  return lab.program('presence', subscriber('watcher', `observatory/${instance}/presence`, '%p'))
}
