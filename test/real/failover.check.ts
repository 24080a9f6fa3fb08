/**
 * A lab whose site file names a Mosquitto and, as a second choice, a hub of ocs, both over TLS: when one is
 * killed the other takes its place, over TCP and over WebSocket, and nothing is lost. `TURNS=20` is the long
 * run.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { BROKER_PATH } from './brokers.ts'
import { LoadedLab } from './loaded-lab.ts'
import type { Running } from './roles.ts'

const TURNS = Number(process.env['TURNS'] ?? 3)
setDefaultTimeout(300_000 + 60_000 * TURNS)

/** Ports of Mosquitto, then of the hub. */
const WAYS = {
  mqtts: { ports: [8883, 8884], path: '', protocol: '' },
  // Mosquitto 2.0.11 does not start without an additional MQTT listener, which nobody uses.
  wss: { ports: [8443, 8444], path: '/ws', protocol: 'protocol websockets\n' },
} as const

test.each(['mqtts', 'wss'] as const)('%s: a lab goes from Mosquitto to the hub and back', async (way) => {
  const { ports, path, protocol } = WAYS[way]
  const [first, second] = ports.map((port) => `${way}://localhost:${port}${path}`)
  await using on = new LoadedLab(
    `{address: '${first}', mqtt_user: lab, mqtt_password_file: password, mqtt_ca: state/hub/ca.pem}, '${second}'`,
  )
  const { lab, site } = on
  const init = await lab.run(['hub', 'init', ...site, '--name', 'localhost'])
  expect(init.code, init.err).toBe(0)
  const pem = (name: string) => lab.path('state', 'hub', name)
  const secret = 'p-of-mosquitto'
  writeFileSync(lab.path('password'), `${secret}\n`, { mode: 0o600 })
  writeFileSync(lab.path('passwords'), `lab:${secret}\n`, { mode: 0o600 })
  spawnSync('mosquitto_passwd', ['-U', lab.path('passwords')])
  const config = `listener ${ports[0]}
${protocol}certfile ${pem('server.pem')}
keyfile ${pem('server.key')}
password_file ${lab.path('passwords')}
allow_anonymous false
${way === 'wss' ? 'listener 2883 127.0.0.1\n' : ''}user root
`
  writeFileSync(lab.path('mosquitto.conf'), config)
  const mosquitto = async (): Promise<Running> => {
    const command = ['mosquitto', '-c', lab.path('mosquitto.conf')]
    const running = lab.program('mosquitto', command, { env: { PATH: BROKER_PATH } })
    await running.says(/mosquitto version .* running/, 60)
    return running
  }
  const flag = way === 'wss' ? '--listen-ws' : '--listen'
  const hub = () => lab.hub(...site, flag, `0.0.0.0:${ports[1]}`)

  let running = await mosquitto()
  await on.begin()
  for (let turn = 0; turn < TURNS; turn++) {
    for (const next of [hub, mosquitto]) {
      const { mark } = on.agent
      await running.kill()
      running = await next()
      await on.agent.says('transport connected', 60, mark)
      await on.recorded()
      await on.ctrl()
    }
  }
  await on.judge(`${2 * TURNS} times from ${first} to ${second} or back`)
})
