/** An instrument that a lab made itself is at home: a module in its site file is known to everything that reads one. */
import { afterAll, expect, test } from 'bun:test'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PROGRAM } from '../host/children.ts'
import type { RoleState } from '../host/roles.ts'
import { freePort, spoken } from '../host/spoken.test-aid.ts'

const folder = mkdtempSync(join(tmpdir(), 'ocs-own-'))
const file = join(folder, 'lab.yaml')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const EXAMPLE = join(import.meta.dir, '..', '..', 'examples', 'pressure-gauge')
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(OCS_|XDG_|NO_COLOR)/.test(name))),
  OCS_STATE_DIR: join(folder, 'state'),
  OCS_COMPLETION_MS: '10000',
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
    expect(await spoken(up.stderr)('session joined', 2)).not.toContain('left out')
    const start = () => ocs('ctrl', 'start', 'gauge', 'set_unit', '--unit=torr', '--wait', ...site)
    let started = await start()
    // On a busy machine the agent has not answered in time; what it was asked it does once.
    while (started.code === 3) started = await start()
    expect([started.code, started.err]).toEqual([0, expect.stringContaining('unit="torr"')])
    expect((await ocs('complete', '--', 'ctrl', ...site, 'start', 'gauge', '')).out).toContain('set_unit')
    // Both are expected to be here, and are.
    const status = JSON.parse((await ocs('status', '--json', ...site)).out) as Record<string, unknown>
    expect(JSON.stringify(status)).toContain('OtherGaugeAgent')
    // All instruments of the lab: those of modules too, each when it has stopped.
    const all = await ocs('ctrl', 'stop', '--all', ...site)
    const told = [...all.err.matchAll(/(\w+): stopped/g)].map(([, name]) => name)
    expect([all.code, told.sort()]).toEqual([0, ['gauge', 'other']])
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
    ['./empty.ts', 'its default export is not an agent'],
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

test('under up a changed module restarts its instance alone, a broken one leaves it running and is told once with its line', async () => {
  await write(instance('gauge', './pressure-gauge.ts'), '{instance-id: fake, agent-class: FakeDataAgent}')
  const module = join(folder, 'pressure-gauge.ts')
  const text = readFileSync(module, 'utf8')
  const replace = (next: string) => {
    writeFileSync(`${module}.new`, next)
    renameSync(`${module}.new`, module)
  }
  const up = Bun.spawn([...PROGRAM, 'up', ...site], { env, cwd: '/', stdout: 'ignore', stderr: 'pipe' })
  const says = spoken(up.stderr)
  const pids = async (): Promise<Record<string, number | null>> => {
    const { roles } = JSON.parse((await ocs('ps', '--json', ...site)).out) as { roles: RoleState[] }
    return Object.fromEntries(roles.map(({ name, pid }) => [name, pid]))
  }
  try {
    await says('session joined', 2)
    const before = await pids()
    replace(text.replace("help: 'Reads", "help: 'It reads"))
    await says(`${module} has changed`)
    await says('session joined: gauge', 2)
    const after = await pids()
    expect(after).toEqual({ ...before, gauge: expect.any(Number) })
    expect(after['gauge']).not.toBe(before['gauge'] as number)

    // Its second line is no TypeScript; then the same fault once more, and others.
    replace(`\nconst = 1\n${text}`)
    await says('gauge stays as it was')
    replace(`\nconst = 1\n${text}\n`)
    await says(`${module} has changed`, 3)
    replace('\n\nthrow new Error("no such gauge")\n')
    await says(`${module}:3:11: no such gauge`)
    rmSync(module)
    const said = await says('there is no file')
    expect(said).toContain(`${module}:2:7: `)
    expect(said.split(`${module}:2:7: `)).toHaveLength(2)
    expect(await pids()).toEqual(after)

    replace(text)
    await says('session joined: gauge', 3)
    expect((await pids())['fake']).toBe(before['fake'] as number)
  } finally {
    up.kill('SIGTERM')
    await up.exited
  }
})
