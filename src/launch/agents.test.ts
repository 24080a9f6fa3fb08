import { afterAll, afterEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { ownClock } from '../../test/own-clock.ts'
import { type Running, startAgent } from '../../test/running-agent.ts'
import { coerceArguments } from '../core/arguments/agent-arguments.ts'
import type { Blocks } from '../core/feed-spec.ts'
import { FieldName, NAME } from '../core/names.ts'
import { startBluefors } from '../simulators/bluefors.ts'
import {
  agentClasses,
  alarmClass,
  findAgent,
  instrumentName,
  managerClasses,
  nodeClasses,
  recorderClasses,
} from './agents.ts'

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())
const folder = mkdtempSync(join(tmpdir(), 'agents-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Writes the logs that BlueforsAgent follows. */
const refrigerator = await startBluefors({ serialNumber: '1', dir: join(folder, 'logs') }, 200)
afterAll(() => refrigerator.close())

/** How to start a class without hardware or other agents, if its example cannot be used as it is. */
const given: Readonly<Record<string, readonly string[]>> = {
  Lakeshore240Agent: ['--serial-number', 'LSA21OQ', '--port', 'replay:fixtures/dialogs/lakeshore240.yaml'],
  BlueforsAgent: ['--log-directory', join(folder, 'logs')],
  FakeDataAgent: ['--mode', 'acq', '--num-channels', '3', '--sample-rate', '20'],
  MqttSensorAgent: ['--devices', 'fixtures/foreign-sensors/devices.yaml'],
  BarebonesAgent: ['--mode', 'count'],
  HostManager: [],
  RegistryAgent: [],
  AlarmAgent: [],
  AggregatorAgent: ['--data-dir', join(folder, 'data')],
  ThermometryDataNode: ['--target', 'ls240', '--name', 'LSA21OQ'],
  SensorsDataNode: [],
  WeatherDataNode: [],
  ArchiveDataNode: ['--data-dir', 'fixtures/g3', '--index-dir', folder],
}

/** The words of the example, with the recorded dialog of the class in place of an address. */
async function wordsFor(name: string): Promise<readonly string[]> {
  const dialog = `replay:fixtures/dialogs/${instrumentName(name)}.yaml`
  const { example = {} } = (await findAgent(name)).spec
  const words = Object.entries(example).flatMap(([key, value]) => {
    const isAddress = /^([a-z]+:\/\/|\/dev\/|\d+\.\d+\.\d+\.\d+)/.test(String(value))
    return [`--${key.replaceAll('_', '-')}`, isAddress ? dialog : String(value)]
  })
  return given[name] ?? words
}

const open: Running[] = []
afterEach(async () => {
  for (const agent of open.splice(0)) await agent[Symbol.asyncDispose]()
})

/** Checks that each argument or parameter has a description. */
function describe(schema: z.ZodObject): string[] {
  return Object.entries(schema.shape)
    .filter(([, type]) => !(type as z.ZodType).description)
    .map(([name]) => name)
}

/** Checks that names are valid in so3g, and that a number has units, or a description of what it counts. */
function legal(blocks: Blocks): void {
  for (const [block, fields] of Object.entries(blocks)) {
    for (const field of [block, ...Object.keys(fields)])
      expect([field, FieldName.safeParse(field).success]).toEqual([field, true])
    for (const [field, { type = 'double', units, description }] of Object.entries(fields))
      if (type === 'double' || type === 'int')
        expect([field, units ?? description]).toEqual([field, expect.stringMatching(/./)])
  }
}

test('each recorded dialog is played by an agent', async () => {
  // Bluefors' dialog only tells the reference page which fields exist: logs are written for the agent's
  // start.
  const words = await Promise.all(agentClasses.map(wordsFor))
  const played = words
    .flat()
    .filter((word) => word.startsWith('replay:'))
    .concat('replay:fixtures/dialogs/bluefors.yaml')
  const dialogs = [...new Bun.Glob('fixtures/dialogs/*.yaml').scanSync('.')].map((file) => `replay:${file}`)
  expect(dialogs.filter((dialog) => !played.includes(dialog))).toEqual([])
})

for (const name of agentClasses) {
  test(`${name}: everything has help, a legal name and a schema for others`, async () => {
    const { spec, ops, queries } = await findAgent(name)
    expect(spec.class).toBe(name)
    expect(spec.help).toEndWith('.')
    expect(describe(spec.args)).toEqual([])
    expect(z.toJSONSchema(spec.args, { io: 'input' })).toHaveProperty('type', 'object')
    // The example that its reference page shows for a site file.
    const example = Object.entries(spec.example ?? {}).map(([key, value]) => [
      `--${key.replaceAll('_', '-')}`,
      String(value),
    ])
    // The program fills in this argument.
    if ('index_dir' in spec.args.shape) example.push(['--index-dir', folder])
    if (example.length > 0) expect(coerceArguments(spec.args, flags(example.flat()))).toHaveProperty('values')
    for (const why of Object.values(spec.retired ?? {})) expect(why.length).toBeGreaterThan(0)
    for (const [op, { help, params }] of [...Object.entries(ops), ...queries]) {
      expect(op).toMatch(NAME)
      expect(help).toEndWith('.')
      expect([op, describe(params)]).toEqual([op, []])
      expect(z.toJSONSchema(params, { io: 'input' })).toHaveProperty('type', 'object')
    }
    for (const [feed, { help, blocks }] of Object.entries(
      spec.feeds as Record<string, { help: string; blocks: unknown }>,
    )) {
      expect(feed).toMatch(NAME)
      expect(help).toEndWith('.')
      if (typeof blocks === 'function') continue
      legal(blocks as Blocks)
    }
  })

  test(`${name}: starts`, async () => {
    // The database is named by the environment.
    for (const part of ['ORG', 'BUCKET', 'TOKEN']) process.env[`INFLUXDB_V2_${part}`] ??= 'test'
    process.env['INFLUXDB_V2_URL'] ??= 'http://127.0.0.1:1'
    const agent = await findAgent(name)
    const words = await wordsFor(name)
    const args = coerceArguments(agent.spec.args, flags(words), { retired: agent.spec.retired ?? {} })
    if ('faults' in args) throw new Error(args.faults.map(({ text }) => text).join('\n'))
    const running = await startAgent(agent, args.values)
    open.push(running)
    const [first] = Object.entries(agent.ops).find(([, { kind }]) => kind === 'process') ?? []
    await running.until(() => ['running', 'done'].includes(running.session(first ?? '')?.status ?? ''))
    if (Object.keys(agent.spec.feeds).length > 0) await running.until(() => running.rows.length > 0)
    expect(running.log.filter((line) => /^(error|warning):/.test(line))).toEqual([])
    for (const { blocks } of running.declared.values()) {
      for (const fields of Object.values(blocks)) expect(Object.keys(fields).length).toBeGreaterThan(0)
      legal(blocks as Blocks)
    }
  })
}

function flags(words: readonly string[]) {
  return words.flatMap((word, at) => (at % 2 === 0 ? [{ flag: word, values: [words[at + 1] ?? ''] }] : []))
}

test('other spellings that site files carry are found; a misspelt one is answered with the nearest', async () => {
  expect((await findAgent('AgreggatorAgent')).spec.class).toBe('AggregatorAgent')
  expect((await findAgent('ThermometryServer')).spec.class).toBe('ThermometryDataNode')
  expect(findAgent('Lakshore240Agent')).rejects.toThrow(
    'there is no agent class "Lakshore240Agent": did you mean Lakeshore240Agent? there are Lakeshore240Agent,',
  )
  expect(findAgent('toString')).rejects.toThrow('there is no agent class "toString": there are')
})

test('what is known of classes without loading them is what they declare', async () => {
  for (const [name = '', ...aliases] of [recorderClasses, managerClasses])
    expect((await findAgent(name)).spec).toMatchObject({ class: name, aliases })
  expect((await findAgent(alarmClass)).spec.readsAlarms).toBe(true)
  for (const name of Object.values(nodeClasses))
    expect((await findAgent(name)).queries.has('get_data')).toBe(true)
})

test('no class is named outside its own declaration and the list of classes', async () => {
  const declared = await Promise.all(agentClasses.map(async (name) => (await findAgent(name)).spec))
  const names = declared.flatMap((spec) => [spec.class, ...(spec.aliases ?? [])])
  // These write site files, as the demo does.
  const sites = ['src/chaos/lab-roles.ts', 'src/chaos/instruments.ts']
  const named: string[] = []
  for (const file of [...new Bun.Glob('{src,bin}/**/*.ts').scanSync('.')].sort()) {
    if (/\.test(-aid)?\.ts$/.test(file) || file === 'src/launch/agents.ts' || sites.includes(file)) continue
    const text = await Bun.file(file).text()
    for (const name of names) {
      const own = declared.find((spec) => text.includes(`class: '${spec.class}'`))
      const isOwn = own?.class === name || own?.aliases?.includes(name)
      if (!isOwn && new RegExp(`\\b${name}\\b`).test(text)) named.push(`${file}: ${name}`)
    }
  }
  expect(named).toEqual([])
})

test('flags of socs and OCS that do nothing here are taken with a note', async () => {
  const { spec } = await findAgent('Lakeshore372Agent')
  const words = [
    '--ip-address',
    '10.0.0.2',
    '--fake-data',
    '0',
    '--sample-heater',
    'False',
    '--configfile',
    'a.yaml',
  ]
  const args = coerceArguments(spec.args, flags(words), { retired: spec.retired ?? {} })
  expect(args).toMatchObject({
    values: { ip_address: '10.0.0.2', sample_heater: false, mode: 'acq', configfile: 'a.yaml' },
    notes: [expect.stringContaining('--fake-data has no effect here')],
  })
})
