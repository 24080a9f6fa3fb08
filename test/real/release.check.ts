/**
 * A release, as `npm pack` makes it and `npm install -g` installs it, and the single binary do the same as the
 * sources.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { cpSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { figure, Lab, ROOT } from './roles.ts'

setDefaultTimeout(400_000)

/** The program, and the file of its process. */
const ways: [name: string, program: string, runs: RegExp][] = [
  ['release', process.env['OCS_RELEASE'] ?? '', /\/dist\/[0-9a-f]{8}\/ocs$/],
  ['binary', process.env['OCS_BINARY'] ?? '', /\/ocs[^/]*$/],
]
const SITE = `hub: {mqtt_server: "mqtt://127.0.0.1:1883"}
hosts:
  localhost:
    agent-instances:
      - {instance-id: aggregator, agent-class: AggregatorAgent, arguments: [--data-dir, data]}
      - {instance-id: fake, agent-class: FakeDataAgent, arguments: [--mode, acq]}
      - instance-id: gauge
        agent-class: PressureGaugeAgent
        module: ./pressure-gauge.ts
        arguments: [--address, "replay:pressure-gauge.yaml"]
      - {instance-id: weather, agent-class: WeatherDataNode, arguments: [--shift-to-now]}
`

test.each(ways)(
  '%s: hub, recorder, agents, one of one’s own, page, docs and audit, from anywhere',
  async (name, program, runs) => {
    if (program === '') throw new Error('name the release in OCS_program, and the binary in OCS_BINARY')
    await using lab = new Lab()
    for (const name of ['pressure-gauge.ts', 'pressure-gauge.test.ts', 'pressure-gauge.yaml'])
      cpSync(join(ROOT, 'examples', 'pressure-gauge', name), lab.path(name))
    writeFileSync(lab.path('lab.yaml'), SITE)
    const site = ['--site-file', lab.path('lab.yaml'), '--site-host', 'localhost']
    const run = async (...args: string[]) => {
      const running = lab.program('command', [program, ...args])
      const { code } = await running.ended(30)
      return { code, text: running.text() }
    }

    const hub = lab.program('hub', [program, 'hub', ...site])
    await hub.says('listening on ws://', 40)
    // The launcher has become the role, of the file with all modules.
    expect(readlinkSync(`/proc/${hub.pid}/exe`)).toMatch(runs)
    const role = (id: string) => lab.program(id, [program, 'agent', '--instance-id', id, ...site])
    const [recorder, fake, gauge, weather] = [
      role('aggregator'),
      role('fake'),
      role('gauge'),
      role('weather'),
    ]
    await Promise.all(
      [recorder, fake, gauge, weather].map((each) => each.says('Status is now "running"', 40)),
    )
    await recorder.says('new file', 40)

    const bridge = lab.program('bridge', [program, 'bridge', ...site])
    await bridge.says('listening on http', 40)
    const page = async (path: string) =>
      (await fetch(`http://127.0.0.1:5000${path}`, { headers: { accept: 'text/html' } })).text()
    expect(await page('/')).toContain('<script')
    expect(await page('/page/uplot.js')).toContain('uPlot')

    expect(await run('test', 'pressure-gauge.ts')).toMatchObject(
      name === 'release'
        ? { code: 0, text: expect.stringContaining('0 fail') }
        : { code: 2, text: expect.stringContaining('use the npm package') },
    )
    expect(await run('docs', 'alarms', '--text')).toMatchObject({
      code: 0,
      text: expect.stringContaining('# Alarms'),
    })
    const status = await run('ctrl', 'status', 'gauge', ...site)
    expect(status).toMatchObject({ code: 0, text: expect.stringContaining('acq') })
    for (const each of [gauge, fake, recorder]) expect((await each.stop()).code).toBe(0)
    const audit = await run('audit', '--data-dir', lab.path('data'), ...site)
    figure(audit.text.split('\n').slice(-2).join(' '))
    expect(audit).toMatchObject({ code: 0, text: expect.stringContaining('whole') })
  },
)
