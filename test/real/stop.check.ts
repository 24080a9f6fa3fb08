/**
 * TERM, as systemd and `ocs down` send it: each role ends within 2 s while it is at work, and no sample is
 * lost.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { compare, spooled, unacknowledged } from './archive.ts'
import { DemoLab, SITE } from './demo-lab.ts'
import { figure, Lab, type Running, seconds, until } from './roles.ts'

setDefaultTimeout(400_000)

/** Seconds. */
const ENDS = 2

/** All kinds of roles, with a function that starts each. */
function roles(lab: Lab, demo: DemoLab): Record<string, () => Running> {
  return {
    hub: () => lab.start('hub', ['hub', ...SITE]),
    'Lake Shore 240': () => demo.ls240(10),
    'Lake Shore 372': () => demo.agent('control', '--ip-address', '127.0.0.1:7771'),
    recorder: () => demo.aggregator('--frame-length', '0.5'),
    thermometry: () => demo.agent('ls240-node'),
    sensors: () => demo.agent('sensors'),
    weather: () => demo.agent('weather'),
    archive: () =>
      lab.start('archive', ['datanode', 'archive', '--data-dir', demo.dataDir, '--name', 'old', ...SITE]),
    bridge: () => lab.start('bridge', ['bridge', ...SITE]),
  }
}

test('every kind of role ends within 2 s, alone and all at once, and nothing is lost', async () => {
  await using lab = new Lab()
  const demo = new DemoLab(lab)
  await demo.sim240('--counter')
  await lab.sim('372', 'LSA22YG', '--tcp', '127.0.0.1:7771')
  const starts = roles(lab, demo)
  const running = Object.fromEntries(Object.entries(starts).map(([name, start]) => [name, start()]))
  const ready = (name: string) => running[name]?.says(READY[name] ?? 'session joined', 30)
  for (const name of Object.keys(starts)) await ready(name)
  using _ = asking()
  const took: Record<string, number> = {}
  for (const [name, start] of Object.entries(starts)) {
    await seconds(0.3)
    const role = running[name]
    if (role) took[name] = await ends(role)
    running[name] = start()
    await ready(name)
  }
  const each = Object.entries(took).map(([name, s]) => `${name} ${s.toFixed(2)}`)
  figure(`TERM in the midst of work, s until the end: ${each.join(', ')}`)

  await seconds(1)
  const all = await Promise.all(Object.values(running).map(ends))
  figure(`TERM to all at once: the last ends after ${Math.max(...all).toFixed(2)} s`)

  // Rows not yet recorded when all ended are recorded as soon as the recorder and the agents run again.
  const idle = ['--mode', 'idle']
  const again = [
    starts['hub']?.(),
    starts['recorder']?.(),
    demo.ls240(10, ...idle),
    demo.agent('control', '--ip-address', '127.0.0.1:7771', ...idle),
  ]
  await until('everything is recorded', 60, () => unacknowledged(lab.path('state')) === 0)
  await Promise.all(again.map((role) => role?.says(/session joined|listening on ws/, 40)))
  for (const role of again.reverse()) expect(await role?.stop()).toMatchObject({ code: 0 })
  await compare(lab, demo.dataDir, spooled(lab.path('state')))
  expect(Math.max(...Object.values(took), ...all)).toBeLessThan(ENDS)
})

/** A role's message when it is at work, if it is not that it has joined. */
const READY: Record<string, string> = {
  hub: 'listening on ws',
  bridge: 'transport connected',
  'Lake Shore 240': 'Channel_1 ',
}

/** Sends TERM; returns the seconds until the role has ended normally. */
async function ends(role: Running): Promise<number> {
  const sent = performance.now()
  role.signal('SIGTERM')
  const { code, signal, at } = await role.ended()
  expect({ role: role.name, code, signal }, role.tail()).toEqual({ role: role.name, code: 0, signal: null })
  return (at - sent) / 1000
}

/** Requests panels without a pause. */
function asking(): Disposable {
  let over = false
  const panel = async () => {
    while (!over) {
      const where = 'graphite/render?target=*.Channel_*_T&from=-5min&format=json'
      const answer = await fetch(`http://127.0.0.1:5000/${where}`).catch(() => undefined)
      if (answer) await answer.text().catch(() => '')
      else await seconds(0.05)
    }
  }
  for (let n = 0; n < 4; n++) void panel()
  return {
    [Symbol.dispose]() {
      over = true
    },
  }
}
