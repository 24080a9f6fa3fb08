/** Realistic site files: a fault in one instance affects only that instance. */
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commandLine } from '../commands/ctrl/ctrl.test-aid.ts'
import { agentClasses } from '../launch/agents.ts'
import type { Finding } from './finding.ts'

const folder = mkdtempSync(join(tmpdir(), 'ocs-site-'))
const file = join(folder, 'lab.yaml')
afterAll(() => rmSync(folder, { recursive: true }))

/** Writes a site file of these instances, the first on line 5. */
function write(instances: readonly string[], more = ''): void {
  const lines = instances.map((instance) => `      - {${instance}}`)
  const head = ['hub: {mqtt_server: "mqtt://127.0.0.1:1"}', 'hosts:', '  localhost:', '    agent-instances:']
  writeFileSync(file, `${[...head, ...lines].join('\n')}\n${more}`)
}

async function ocs(...argv: string[]) {
  const line = commandLine([...argv, '--site-file', file], { state: join(folder, 'state') })
  return { code: await line.code, out: line.out(), err: line.err() }
}

/** The findings of `ocs check` about the file, without positions: problems and notes. */
async function check() {
  const { out } = await ocs('check', '--json', '--file-only')
  const { findings } = JSON.parse(out) as { findings: Finding[] }
  const of = (level: string) =>
    findings.filter((one) => one.level === level).map(({ text }) => text.replace(`${file}:`, ''))
  return { problems: of('problem'), notes: of('note') }
}

const fake = 'agent-class: FakeDataAgent, instance-id: fake'

test('arguments of any depth are flattened as in OCS', async () => {
  write([
    'agent-class: FakeDataAgent, instance-id: fake, arguments: [[[--mode], [idle]], [[[--num-channels, [3]]]]]',
  ])
  expect(await check()).toEqual({ problems: [], notes: [expect.stringContaining('nothing is recorded')] })
  write([`${fake}, arguments: [[--num-channels, [3, 4]]]`])
  expect((await check()).problems).toEqual([expect.stringContaining('5:70: --num-channels takes')])
})

test('whatever the arguments of a class that is not here are, they hinder nobody', async () => {
  write([
    fake,
    'agent-class: ibootbarAgent, instance-id: a, arguments: [[--lock-outlet, [1]], {deep: {er: 1}}, null]',
    'agent-class: OurOwnAgent, instance-id: b, arguments: {address: 1}',
  ])
  expect((await check()).problems).toEqual([])
  expect((await ocs('agent', '--instance-id=fake', '--help-args')).err).toBe('')
  const { code, out } = await ocs('systemd', '--no-hub')
  expect([code, out.match(/^Description=.*/gm)]).toEqual([0, ['Description=ocs fake']])
})

test('a fault of one instance is told for it, and keeps no other from running', async () => {
  const faulty = [
    'agent-class: FakeDataAgent, instance-id: a, arguments: [--mood, x]',
    'agent-class: FakeDataAgent, instance-id: b, arguments: [{mode: acq}]',
    'agent-class: FakeDataAgent, instance-id: c, arguments: --mode',
    'agent-class: FakeDataAgent, instance-id: d, manage: upp',
    'agent-class: FakeDataAgent, instance-id: e, colour: red',
    'agent-class: FakeDataAgent, instance-id: e e',
    'agent-class: FakeDataAgent, agent-class: BarebonesAgent, instance-id: f',
    'agent-class: FakeDataAgent, instnce-id: g',
    '<<: manage, agent-class: FakeDataAgent, instance-id: h',
    'agent-class: FakeDataAgent, instance-id: fake',
    'agent-class: FakeDataAgnt, instance-id: i',
    'instance-id: j',
  ]
  write([fake, ...faulty])
  const { problems } = await check()
  expect(problems.map((text) => Number(text.split(':')[0]))).toEqual(faulty.map((_, at) => 6 + at))
  // The valid instance runs …
  expect(await ocs('agent', '--instance-id=fake', '--help-args')).toMatchObject({ code: 0, err: '' })
  // … the others are refused, each with its own fault only.
  for (const [at, id] of [...'abcde'].entries()) {
    const { code, err } = await ocs('agent', `--instance-id=${id}`)
    expect([id, code, err.trim().split('\n').length]).toEqual([id, 2, 1])
    expect(err).toContain(`${file}:${6 + at}:`)
  }
  const { code, out, err } = await ocs('systemd', '--no-hub')
  expect([code, out.match(/^Description=.*/gm)]).toEqual([0, ['Description=ocs fake']])
  for (const at of [6, 7, 9, 12]) expect(err).toContain(`${file}:${at}:`)
})

test('a fault of another host, and of the alarms, is told and keeps nobody else from running', async () => {
  const more = '  other: {log_dir: x, agent-instances: []}\nalarms: {rules: [{kind: limitt, name: x}]}\n'
  write([fake, 'agent-class: AlarmAgent, instance-id: alarms'], more)
  const { problems } = await check()
  expect(problems.map((text) => Number(text.split(':')[0]))).toEqual([7, 8])
  const alarms = await ocs('agent', '--instance-id=alarms')
  expect([alarms.code, alarms.err]).toEqual([2, expect.stringContaining(`${file}:8:`)])
  expect((await ocs('systemd', '--no-hub')).out.match(/^Description=.*/gm)).toEqual(['Description=ocs fake'])
  expect(await ocs('agent', '--instance-id=fake', '--help-args')).toMatchObject({ code: 0, err: '' })
  // Reported once, also when that host is the chosen one.
  const of = await ocs('check', '--no-instruments', '--site-host=other')
  expect(of.out.match(/did you mean "log-dir"/g)).toHaveLength(1)
  const there = await ocs('agent', '--instance-id=fake', '--site-host=other')
  expect([there.code, there.err]).toEqual([2, expect.stringContaining('did you mean "log-dir"?')])
})

/** Classes of socs 0.6.4 (`socs/plugin.py`) and of ocs 0.12.1 (`ocs/plugin.py`). */
const PUBLIC =
  'ACUAgent BLHAgent BlueforsAgent CrateAgent CryomechCPAAgent DS378Agent FPGAAgent FlowmeterAgent FLSAgent FTSAerotechAgent GalilAxisAgent GeneratorAgent Hi6200Agent HTTPCameraAgent HWPBBBAgent HWPGripperAgent HWPPCUAgent HWPPicoscopeAgent HWPPIDAgent HWPPMXAgent HWPSupervisor ibootbarAgent LabJackAgent Lakeshore240Agent Lakeshore336Agent Lakeshore370Agent Lakeshore372Agent Lakeshore425Agent LATRtXYStageAgent LDMonitorAgent MagpieAgent MeinbergM1000Agent MeinbergSyncboxAgent PCR500MAAgent PfeifferAgent PfeifferTC400Agent PysmurfController PysmurfMonitor RTSPCameraAgent ScpiPsuAgent SmurfFileEmulator SmurfHammerAgent SmurfStreamSimulator SmurfTimingCardAgent SRSCG635Agent StimEncAgent StimThermometerAgent SupRsync SynaccessAgent SynthAgent TektronixAWGAgent ThorlabsMC2000BAgent UCSCRadiometerAgent UPSAgent VantagePro2Agent WiregridActuatorAgent WiregridEncoderAgent WiregridKikusuiAgent WiregridTiltSensorAgent RegistryAgent AggregatorAgent HostManager FakeDataAgent InfluxDBAgent InfluxDBAgentv2 BarebonesAgent AccessDirector'.split(
    ' ',
  )

test('a class that socs or OCS has is a note, never taken for a misspelt one', async () => {
  const foreign = PUBLIC.filter((name) => !agentClasses.includes(name))
  expect([PUBLIC.length, foreign.length]).toEqual([67, 53])
  write(foreign.map((name, at) => `agent-class: ${name}, instance-id: i${at}`))
  const { problems, notes } = await check()
  expect(problems).toEqual([])
  expect(notes.filter((text) => text.includes('ocs up leaves it out'))).toHaveLength(foreign.length)
  expect(notes.filter((text) => text.includes('did you mean'))).toEqual([])
  // A misspelt class is reported.
  write(['agent-class: Lakeshore425Agnt, instance-id: a', 'agent-class: Lakeshore24Agent, instance-id: b'])
  expect((await check()).problems).toEqual([
    expect.stringContaining('did you mean Lakeshore425Agent'),
    expect.stringContaining('did you mean Lakeshore240Agent'),
  ])
})

test('instruments behind one address are told apart by port, slot and unit', async () => {
  const psu = (id: string, ...words: (string | number)[]) =>
    `agent-class: ScpiPsuAgent, instance-id: ${id}, arguments: [--ip-address, 10.0.0.9, ${words.join(', ')}]`
  const at = (id: string, port: number) =>
    `agent-class: Lakeshore336Agent, instance-id: ${id}, arguments: [--ip-address, "10.0.0.8:${port}"]`
  const cpa = (id: string, address: string) =>
    `agent-class: CryomechCPAAgent, instance-id: ${id}, arguments: [--ip-address, "${address}"]`
  const apart = [
    ...[
      psu('a', '--gpib-slot', 5),
      psu('b', '--gpib-slot', 6),
      psu('c', '--port', 5025),
      psu('d', '--port', 5026),
    ],
    ...[at('e', 4001), at('f', 4002)],
    ...[cpa('g', 'modbus://10.0.0.7:502/1'), cpa('h', 'modbus://10.0.0.7:502/2')],
  ]
  write(apart)
  expect((await check()).problems).toEqual([])
  write([...apart, psu('y', '--gpib-slot', 6), at('z', 4001)])
  expect((await check()).problems).toEqual([
    '13:65: the instrument at 10.0.0.9 is taken: "b" (line 6) has it already',
    '14:70: the instrument at 10.0.0.8:4001 is taken: "e" (line 9) has it already',
  ])
})
