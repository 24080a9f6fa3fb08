/** An instrument that a lab made itself is at home: a module in its site file is known to everything that reads one. */
import { afterAll, expect, test } from 'bun:test'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PROGRAM } from '../host/children.ts'

const folder = mkdtempSync(join(tmpdir(), 'ocs-own-'))
const file = join(folder, 'lab.yaml')
afterAll(() => rmSync(folder, { recursive: true }))

const EXAMPLE = join(import.meta.dir, '..', '..', 'examples', 'pressure-gauge')
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(OCS_|XDG_|NO_COLOR)/.test(name))),
  OCS_STATE_DIR: join(folder, 'state'),
  OCS_COMPLETION_MS: '10000',
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  await new Promise((done) => server.close(done))
  return port
}

/** Runs `ocs …` of this lab in another folder than its own. */
async function ocs(...args: string[]) {
  const child = Bun.spawn([...PROGRAM, ...args], { env, cwd: '/', stdout: 'pipe', stderr: 'pipe' })
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()])
  return { code: await child.exited, out, err }
}
const site = ['--site-file', file]

const dialog = join(folder, 'pressure-gauge.yaml')
const instance = (id: string, module: string, agentClass = 'PressureGaugeAgent') =>
  `{instance-id: ${id}, agent-class: ${agentClass}, module: ${module}, arguments: [--address, "replay:${dialog}"]}`

/** Writes the module beside the site file, the same as an npm package, and a site file with these instances. */
async function write(...instances: string[]): Promise<void> {
  for (const name of ['pressure-gauge.ts', 'pressure-gauge.yaml'])
    cpSync(join(EXAMPLE, name), join(folder, name))
  const own = join(folder, 'node_modules', '@lab', 'gauge')
  mkdirSync(own, { recursive: true })
  const text = readFileSync(join(EXAMPLE, 'pressure-gauge.ts'), 'utf8')
  writeFileSync(join(own, 'gauge.ts'), text.replace('PressureGaugeAgent', 'OtherGaugeAgent'))
  writeFileSync(join(own, 'package.json'), '{"name": "@lab/gauge", "type": "module", "main": "gauge.ts"}')
  const port = await freePort()
  const lines = instances.map((one) => `      - ${one}\n`).join('')
  const head = `hub: {mqtt_server: "mqtt://127.0.0.1:${port}"}\nhosts:\n  localhost:\n    agent-instances:\n`
  writeFileSync(file, head + lines)
}

test('a module of one’s own under up, check, systemd, grafana, ctrl, status and completion', async () => {
  await write(instance('gauge', './pressure-gauge.ts'), instance('other', '"@lab/gauge"', 'OtherGaugeAgent'))
  const checked = await ocs('check', '--file-only', ...site)
  expect([checked.code, checked.out]).toEqual([0, expect.stringContaining('instances: 2, hosts: 1')])
  expect((await ocs('check', ...site)).out).toContain('instrument: gauge: ACME,GAUGE,0042,1.0')
  expect((await ocs('agent', '--instance-id=gauge', '--help-args', ...site)).out).toContain(
    'PressureGaugeAgent',
  )
  expect((await ocs('systemd', ...site)).out).toContain(`agent --instance-id other --site-file ${file}`)
  const grafana = join(folder, 'grafana')
  expect((await ocs('grafana', 'provision', '--out', grafana, ...site)).code).toBe(0)
  const drawn = new Bun.Glob('**/*.json').scanSync(grafana)
  expect([...drawn].map((name) => readFileSync(join(grafana, name), 'utf8')).join('')).toContain('pressure')
  expect((await ocs('complete', '--', 'agent', ...site, '--instance-id=')).out).toBe(
    '--instance-id=gauge\tPressureGaugeAgent\n--instance-id=other\tOtherGaugeAgent\n',
  )

  const up = Bun.spawn([...PROGRAM, 'up', ...site], { env, cwd: '/', stdout: 'ignore', stderr: 'pipe' })
  try {
    let said = ''
    for await (const chunk of up.stderr) {
      said += new TextDecoder().decode(chunk)
      if (said.split('session joined').length > 2) break
    }
    expect(said).not.toContain('left out')
    const start = () => ocs('ctrl', 'start', 'gauge', 'set_unit', '--unit=torr', '--wait', ...site)
    let started = await start()
    // On a busy machine the agent has not answered in time; what it was asked it does once.
    while (started.code === 3) started = await start()
    expect([started.code, started.err]).toEqual([0, expect.stringContaining('unit torr')])
    expect((await ocs('complete', '--', 'ctrl', ...site, 'start', 'gauge', '')).out).toContain('set_unit')
    // Both are expected to be here, and are.
    const status = JSON.parse((await ocs('status', '--json', ...site)).out) as Record<string, unknown>
    expect(JSON.stringify(status)).toContain('OtherGaugeAgent')
    // All instruments of the lab: those of modules too.
    const all = await ocs('ctrl', 'stop', ...site)
    expect([all.code, all.err]).toEqual([0, expect.stringMatching(/gauge.*other/s)])
  } finally {
    up.kill('SIGTERM')
    await up.exited
  }
})

test('a module that is not there, declares nothing, another class, or throws is told with its line; the others run', async () => {
  writeFileSync(join(folder, 'empty.ts'), 'export const nothing = 1\n')
  writeFileSync(join(folder, 'throws.ts'), "throw new Error('the gauge is on fire')\n")
  const own = readFileSync(join(EXAMPLE, 'pressure-gauge.ts'), 'utf8')
  const fire = "  }).refine(() => { throw new Error('the address is on fire') }),\n  wiring"
  writeFileSync(join(folder, 'refine.ts'), own.replace('  }),\n  wiring', fire))
  const faults: readonly [string, string][] = [
    ['./gone.ts', `there is no file ${join(folder, 'gone.ts')}`],
    ['"@lab/gone"', 'no npm package of this name is installed in'],
    ['./empty.ts', 'its default export is no agent'],
    ['"@lab/gauge"', 'declares OtherGaugeAgent, not the agent-class PressureGaugeAgent'],
    ['./throws.ts', 'the gauge is on fire'],
    ['./refine.ts', 'the address is on fire'],
  ]
  await write(
    instance('gauge', 'pressure-gauge.ts'),
    ...faults.map(([module], at) => instance(`bad-${at}`, module)),
  )
  const { out } = await ocs('check', '--file-only', '--json', ...site)
  const { findings } = JSON.parse(out) as { findings: { level: string; text: string }[] }
  const problems = findings.filter(({ level }) => level === 'problem').map(({ text }) => text)
  expect(problems).toEqual(
    faults.map(([, text], at) =>
      expect.stringMatching(new RegExp(`^${RegExp.escape(`${file}:${6 + at}:`)}.*${RegExp.escape(text)}`)),
    ),
  )
  const { out: units, err } = await ocs('systemd', '--no-hub', ...site)
  expect(units.match(/^Description=.*/gm)).toEqual(['Description=ocs gauge'])
  for (const [, text] of faults) expect(err).toContain(text)
})
