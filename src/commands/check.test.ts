import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { testHub } from '../broker/testing.ts'
import { simulators } from '../simulators/index.ts'
import type { Finding } from './check.ts'
import { commandLine } from './ctrl.test-aid.ts'

const folder = mkdtempSync(join(tmpdir(), 'ocs-check-'))
const file = join(folder, 'lab.yaml')
afterAll(() => rmSync(folder, { recursive: true }))

async function startSimulator() {
  const simulator = await simulators['lakeshore372']?.start({ tcp: '127.0.0.1:0', serialNumber: 'LSA22YG' })
  const address = simulator?.url.replace('tcp://', '') ?? ''
  return { address, [Symbol.asyncDispose]: async () => simulator?.close() }
}

async function check(text: string, ...flags: string[]) {
  writeFileSync(file, text)
  const argv = ['check', '--json', '--site-file', file, ...flags]
  const line = commandLine(argv, { state: join(folder, 'state') })
  const code = await line.code
  const { healthy, findings } = JSON.parse(line.out()) as { healthy: boolean; findings: Finding[] }
  expect(healthy).toBe(code === 0)
  const problems = findings.filter(({ level }) => level === 'problem').map(({ text: said }) => said)
  return { code, findings, problems }
}

/** A site file whose one instance has these lines. */
const lab = (lines: string, hub = 'mqtt_server: mqtt://127.0.0.1:1') =>
  `hub: {${hub}}\nhosts:\n  localhost:\n    agent-instances:\n${lines}\n`
const one = (more: string) => lab(`      - {instance-id: it, ${more}}`)
const fake = 'agent-class: FakeDataAgent'

/** Site files with one fault each: the line it is on, and words of what is said of it. */
const broken: readonly (readonly [text: string, line: number, says: string])[] = [
  ['hub: {\n', 2, ''],
  [`${one(fake)}hub: {}\n`, 6, 'duplicate key "hub"'],
  [`hubb: {}\n${one(fake)}`, 1, 'did you mean "hub"?'],
  ['hub: {mqtt_server: mqtt://127.0.0.1:1}\n', 1, 'no "hosts"'],
  [lab('      []', 'mqtt_servr: x'), 1, 'did you mean "mqtt_server"?'],
  [lab('      []', 'mqtt_server: nonsense'), 1, 'no address'],
  [lab('      []', 'wamp_server: mqtt://h:1'), 1, 'name this key mqtt_server'],
  [lab('      - {instanc-id: it, agent-class: FakeDataAgent}'), 5, 'did you mean "instance-id"?'],
  [lab(`      - {instance-id: it, ${fake}}\n      - {instance-id: it, ${fake}}`), 6, 'line 5 has it already'],
  [lab(`      - {instance-id: hub, ${fake}}`), 5, 'kept for the hub'],
  [lab(`      - {instance-id: a/b, ${fake}}`), 5, 'instance-id "a/b"'],
  [one('manage: host/up'), 5, 'has no agent-class'],
  [one('agent-class: FakeDataAgnt'), 5, 'did you mean FakeDataAgent?'],
  [one(`${fake}, manage: host/upp`), 5, 'did you mean host/up?'],
  [one(`${fake}, arguments: [--num-chanels, 3]`), 5, 'did you mean --num-channels?'],
  [one(`${fake}, arguments: [--num-channels, many]`), 5, '--num-channels takes'],
  [one(`${fake}, arguments: [--num-channels, 0]`), 5, '--num-channels'],
  [one(`${fake}, arguments: [3]`), 5, 'stands before any flag'],
  [one(`${fake}, arguments: [--site-hub]`), 5, '--site-hub takes one value'],
  [one(`${fake}, arguments: {a: b}`), 5, 'arguments takes a list'],
]

test.each(broken)('one fault, told once with its line: %j', async (text, line, says) => {
  const { code, problems } = await check(text)
  expect(code).toBe(2)
  expect(problems).toHaveLength(1)
  expect(problems[0]).toStartWith(`${file}:${line}:`)
  expect(problems[0]).toContain(says)
})

test('several faults are told together, of arguments too', async () => {
  const lines = [
    `      - {instance-id: it, ${fake}, manage: host/upp}`,
    `      - {instance-id: it, ${fake}, arguments: [--mood, x]}`,
    '      - {instance-id: c, agent-class: BarebonesAgnt}',
  ]
  const { problems } = await check(lab(lines.join('\n')))
  expect(problems.map((text) => text.split(':')[1])).toEqual(['5', '6', '6', '7'])
})

test('a host that the file does not have', async () => {
  const text = one(fake).replace('localhost', 'grumpy')
  const { problems } = await check(text, '--site-host', 'grumpi')
  expect(problems).toEqual([expect.stringContaining('grumpy')])
})

test('healthy with its hub, and told when something else has the port', async () => {
  const { hub } = await testHub()
  const { code, findings } = await check(one(fake), '--site-hub', hub.urls.mqtt)
  expect(findings.filter(({ level }) => level === 'problem')).toEqual([])
  expect(findings).toContainEqual({ check: 'hub', level: 'ok', text: `answers at ${hub.urls.mqtt}` })
  expect(code).toBe(0)
  await hub.close()
  using other = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => {} } })
  const url = `mqtt://127.0.0.1:${other.port}`
  expect((await check(one(fake), '--site-hub', url)).problems).toEqual([expect.stringContaining(url)])
}, 20_000)

test('instruments are asked who they are, only when that is wanted', async () => {
  await using sim = await startSimulator()
  const at = (serial: string) =>
    one(
      `agent-class: Lakeshore372Agent, arguments: [--serial-number, ${serial}, --ip-address, "${sim.address}"]`,
    )
  expect((await check(at('OTHER'))).problems).toEqual([])
  expect((await check(at('OTHER'), '--instruments')).problems).toEqual([
    expect.stringContaining('serial number LSA22YG, not OTHER'),
  ])
  const { problems, findings } = await check(at('LSA22YG'), '--instruments')
  expect(problems).toEqual([])
  expect(findings.at(-1)?.text).toContain('LSA22YG')
})

test('a folder that cannot be', async () => {
  writeFileSync(join(folder, 'plain'), '')
  const data = join(folder, 'plain', 'data')
  const text = one(`agent-class: AggregatorAgent, arguments: [--data-dir, ${data}]`)
  const { problems } = await check(text.replace('127.0.0.1:1}', '127.0.0.1:21999}'))
  expect(problems).toEqual([expect.stringContaining(`${data} cannot be written`)])
})

test('a unit for each role; recorders stop after agents and before the hub', async () => {
  const text = lab(
    `      - {instance-id: it, ${fake}}\n      - {instance-id: rec, agent-class: AggregatorAgent}`,
  )
  writeFileSync(file, text)
  const out = join(folder, 'units')
  const line = commandLine(['systemd', '--site-file', file, '--out', out])
  expect(await line.code).toBe(0)
  expect(readdirSync(out).sort()).toEqual(
    ['hub', 'it', 'rec'].map((name) => `ocs-observatory-${name}.service`),
  )
  const unit = (name: string) => readFileSync(join(out, `ocs-observatory-${name}.service`), 'utf8')
  expect(unit('it')).toMatch(/^After=.* ocs-observatory-hub.service ocs-observatory-rec.service$/m)
  expect(unit('rec')).toMatch(/^After=network-online.target ocs-observatory-hub.service$/m)
  expect(unit('it')).toContain(`agent --instance-id it --site-file ${file} --site-host localhost\n`)
})
