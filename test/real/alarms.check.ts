/**
 * A simulated warm-up: alarms are raised, latched and cleared as their rules say, and people are called once each, by a
 * real webhook, a real mail server and a real command, across kills and restarts of the alarm agent.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Notice } from '../../src/agents/alarm/alarm-actions.ts'
import { mailServer } from '../../src/agents/alarm/mail.test-aid.ts'
import type { AlarmsData } from '../../src/core/alarms.ts'
import { Listener, subscriber } from './listener.ts'
import { figure, Lab, type Running, seconds, until } from './roles.ts'

setDefaultTimeout(400_000)

const SIM = '127.0.0.1:7781'
const FIELD = 'ls240.temperatures.Channel_1_T'
/** Seconds to wait for a notice that must not come. */
const QUIET = 2

/** A webhook's receiver: answers, or does not. */
function receiver() {
  const got: Notice[] = []
  let isDeaf = false
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 60,
    async fetch(request) {
      if (isDeaf) return new Promise<Response>(() => {})
      got.push((await request.json()) as Notice)
      return new Response('ok')
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}/hook`,
    got,
    deafen: (deaf: boolean) => {
      isDeaf = deaf
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  }
}

const siteText = (
  webhook: string,
  mail: string,
  script: string,
) => `hub: {mqtt_server: "mqtt://127.0.0.1:1883"}
hosts:
  localhost:
    agent-instances:
      - {instance-id: ls240, agent-class: Lakeshore240Agent, arguments: ["--ip-address", "${SIM}"]}
      - {instance-id: alarms, agent-class: AlarmAgent}
alarms:
  mail: {server: "${mail}", from: ocs@yale.test}
  actions:
    - {name: chat, webhook: "${webhook}", clear: yes}
    - {name: people, email: [maya@yale.test]}
    - {name: phone, command: [sh, "${script}"]}
  rules:
    - {name: warm, kind: limit, field: ${FIELD}, high: 4.5, clear_high: 4.2, delay: 1, latch: true, message: 4K plate is warm}
    - {name: rises, kind: rate, field: ${FIELD}, high: 2, window: 4, severity: warning, actions: []}
    - {name: quiet, kind: stale, field: "ls240.*_T", after: 30, actions: []}
    - {name: lost, kind: agent, agent: ls240, delay: 0}
`

test('a warm-up is told once to each, across kill -9 and restarts of the alarm agent', async () => {
  await using lab = new Lab()
  await using hook = receiver()
  await using mail = await mailServer()
  const phone = lab.path('phone.jsonl')
  const calls = () =>
    (existsSync(phone) ? readFileSync(phone, 'utf8').trim().split('\n') : []).filter(Boolean)
  writeFileSync(lab.path('call.sh'), `cat >> "${phone}"\n`)
  const site = lab.path('lab.yaml')
  writeFileSync(site, siteText(hook.url, mail.url, lab.path('call.sh')))
  const flags = ['--site-file', site, '--site-host', 'localhost']
  const agent = (instance: string) => lab.start(instance, ['agent', '--instance-id', instance, ...flags])
  const sim = async (...args: string[]) => {
    const running = lab.start('sim', [
      'sim',
      'lakeshore240',
      '--serial-number',
      'LSA21OQ',
      '--tcp',
      SIM,
      ...args,
    ])
    await running.says('LSA21OQ at ', 30)
    return running
  }
  const screen = () => {
    const last = watching.lines.findLast(({ from }) => from === 'out')
    return last && (JSON.parse(last.text) as { session_id: number; data: Partial<AlarmsData> })
  }
  /** A raised alarm, according to the session of `watch`; undefined if it is not raised. */
  const found = (name: string) => screen()?.data.alarms?.find((one) => one.name === name)
  /** Notices so far: of the webhook, e-mails, commands. */
  const told = () => [hook.got.length, mail.letters.length, calls().length]

  await lab.hub()
  const watching = lab.program('screen', subscriber('screen', 'observatory/alarms/ops/watch/session', '%p'))
  const { rows } = await Listener.open(lab)
  const ears = lab.program('events', subscriber('ears', 'observatory/alarms/events', '%p'))
  let cryostat = await sim('--speed', '0', '--start-at', '0.75')
  let instrument = agent('ls240')
  let watcher = agent('alarms')
  let restarts = 0
  const again = async (how: 'kill' | 'stop') => {
    const before = screen()?.session_id ?? -1
    await (how === 'kill' ? watcher.kill() : watcher.stop())
    watcher = agent('alarms')
    restarts++
    await until(
      'it watches again',
      60,
      () => (screen()?.session_id ?? -1) > before && screen()?.data.rules === 4,
    )
    await seconds(QUIET)
  }
  await instrument.says('Channel_1 ', 60)
  await until('it is watched', 60, () => (screen()?.data.watched ?? 0) >= 4)
  expect(screen()?.data.alarms).toEqual([])
  expect(told()).toEqual([0, 0, 0])

  const begun = performance.now()
  await cryostat.kill()
  cryostat = await sim('--speed', '-60', '--start-at', '0.75')
  await until('the warm-up is told', 60, () => told().every((count) => count === 1))
  figure(
    `warm-up: told by webhook, e-mail and command ${((performance.now() - begun) / 1000).toFixed(1)} s after it began`,
  )
  const [first] = hook.got
  expect(first).toMatchObject({
    what: 'raised',
    name: 'warm',
    severity: 'alarm',
    units: 'K',
    target: FIELD,
    count: 1,
  })
  expect(first?.text).toMatch(
    /^4K plate is warm: ls240\.temperatures\.Channel_1_T is [\d.]+ K, above 4\.5 K$/,
  )
  expect(JSON.parse(calls()[0] ?? '')).toEqual(first)
  expect(mail.letters[0]).toContain('Subject: alarm warm: 4K plate is warm')
  expect(found('rises')?.state).toBe('active')

  // A kill between a receiver's acceptance and its record would make that call come again, with the same id.
  // The screen may be a second old, so it has to show that this process has called at all.
  const settled = (...actions: string[]) =>
    until('the calls are written down', 60, () =>
      actions.every((name) => {
        const { waiting, done = 0 } = screen()?.data.actions?.[name] ?? {}
        return waiting === 0 && done > 0
      }),
    )
  await settled('chat', 'people', 'phone')
  await again('kill')
  await again('stop')
  expect(found('warm')).toMatchObject({ state: 'active', count: 1, since: first?.since ?? null })
  expect(told()).toEqual([1, 1, 1])

  await cryostat.kill()
  cryostat = await sim('--speed', '0', '--start-at', '0.75')
  await until('it is over, and latched', 60, () => found('warm')?.state === 'latched')
  await again('kill')
  expect(found('warm')?.state).toBe('latched')
  expect(told()).toEqual([1, 1, 1])
  const { code, out, err } = await lab.run([
    'ctrl',
    'alarms',
    'ack',
    'warm',
    '--by',
    'Maya',
    '--text',
    'pump is back',
    ...flags,
  ])
  expect([code, err]).toEqual([0, ''])
  expect(out).toBe('warm: acknowledged by Maya: pump is back')
  await until('its end is told', 60, () => hook.got.length === 2)
  expect(hook.got[1]).toMatchObject({ what: 'cleared', name: 'warm', count: 1 })
  await settled('chat')
  await again('kill')
  expect(found('warm')).toBeUndefined()
  expect(screen()?.data.recent?.map(({ name, count }) => [name, count])).toContainEqual(['warm', 1])
  expect(told()).toEqual([2, 1, 1])

  // Killed while one receiver does not answer: that one is notified later, the others not again.
  hook.deafen(true)
  await instrument.kill()
  await until('the lost agent is told', 60, () => told()[1] === 2 && told()[2] === 2)
  await settled('people', 'phone')
  await again('kill')
  expect(told()).toEqual([2, 2, 2])
  await watcher.kill()
  hook.deafen(false)
  watcher = agent('alarms')
  restarts++
  await until('the deaf receiver is told', 60, () => hook.got.length === 3)
  await seconds(QUIET)
  expect(told()).toEqual([3, 2, 2])
  expect(hook.got[2]).toMatchObject({
    what: 'raised',
    name: 'lost',
    text: 'ls240 is lost: it disconnected without notice',
  })

  instrument = agent('ls240')
  await until('it is back', 60, () => found('lost') === undefined)
  await until('that is told', 60, () => hook.got.length === 4)
  const events = ears
    .text('out')
    .split('\n')
    .map((line) => JSON.parse(line) as { kind: string; text: string })
  const said = events.filter(({ kind }) => kind === 'alarm').map(({ text }) => text)
  expect(said.filter((text) => text.startsWith('warm: 4K plate is warm'))).toHaveLength(1)
  expect(said.filter((text) => text.startsWith('lost: ls240 is lost'))).toHaveLength(1)
  expect(recordedStates(rows.filter(({ instance }) => instance === 'alarms'))).toEqual([0, 2, 4, 0])
  figure(
    `${restarts} restarts of the alarm agent, ${restarts - 1} of them by kill -9: nothing told twice, nothing forgotten`,
  )
  await endAll(instrument, watcher)
})

/**
 * The states of `warm` in its feed, each change once; the time in which its delay ran may be too short to be
 * recorded.
 */
function recordedStates(rows: Listener['rows']): unknown[] {
  const states = rows.flatMap(({ row }) => row.data['warm_state'] ?? []).filter((state) => state !== 1)
  return states.filter((state, at) => state !== states[at - 1])
}

async function endAll(...roles: Running[]): Promise<void> {
  for (const role of roles) expect(await role.stop()).toMatchObject({ code: 0 })
}
