/**
 * socs' own drivers and agent classes operate the simulated instruments, and our agents publish the same as
 * those.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AgentApi } from '../../src/core/channels.ts'
import { DemoLab } from './demo-lab.ts'
import { Listener } from './listener.ts'
import { figure, Lab, until } from './roles.ts'

setDefaultTimeout(400_000)

/** Python with the package `socs`. */
const PYTHON = process.env['OCS_SOCS_PYTHON'] ?? ''

type Published = Record<string, { block: string; values: number[] }>
interface Report {
  '240'?: Published
  '372'?: Published
  params?: Record<string, Record<string, string[]>>
}

const curve = (format: string, points: readonly string[]) =>
  `Sensor Model:\tSIMULATED\nSerial Number:\tSIM1\nData Format:\t${format}\nSetPoint Limit:\t325.0\t(Kelvin)\n` +
  `Temperature coefficient:\t1 (Negative)\nNumber of Breakpoints:\t${points.length}\n\nNo.\tUnits\tTemperature (K)\n\n` +
  points.map((point, i) => `${i + 1}\t${point}\n`).join('')

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

test('socs’ drivers and agents work the simulators; fields, blocks and values of ours are theirs', async () => {
  await using lab = new Lab()
  const demo = new DemoLab(lab)
  // The temperature is constant, so readings a minute apart differ only by noise.
  await demo.sim240('--speed', '0')
  await lab.sim('372', 'LSA22YG', '--tcp', '127.0.0.1:7777', '--speed', '0')
  const [volts, ohms] = [lab.path('diode.340'), lab.path('rox.340')]
  const diode = ['0.5 325', '0.75 200', '1.0 80.5', '1.2 20.25', '1.6 4.2', '1.65 1.4']
  writeFileSync(volts, curve('2 (Volts/Kelvin)', diode))
  const oxide = ['3.0 40', '3.1 10', '3.3 4', '3.5 1', '3.8 0.3', '4.0 0.1']
  writeFileSync(ohms, curve('4\t(Log Ohms/Kelvin)', oxide))

  const socs = lab.program('socs', [PYTHON, join(import.meta.dir, 'socs-drivers.py'), demo.pty, volts, ohms])
  const { code } = await socs.ended(100)
  expect(code, socs.text()).toBe(0)
  const report: Report = {}
  for (const [, json = ''] of socs.text('out').matchAll(/^JSON (.*)$/gm))
    Object.assign(report, JSON.parse(json))
  expect(report).toMatchObject({ done: true })

  await lab.hub()
  const seen = await Listener.open(lab)
  demo.ls240(5, '--field-names', 'front-panel')
  const args = ['--ip-address', '127.0.0.1:7777', '--field-names', 'front-panel']
  demo.agent('control', ...args, '--enable-control-chan', '--sample-heater')
  const counts = await Promise.all(
    (
      [
        ['240', 'ls240', 'Lakeshore240Agent'],
        ['372', 'control', 'Lakeshore372Agent'],
      ] as const
    ).map(async ([model, instance]) => {
      const theirs = report[model] ?? {}
      // A temperature without a curve reads zero, and so does a disabled input: left out here, on purpose.
      const leftOut = (name: string) =>
        /_[TV]$/.test(name) && theirs[name]?.values.every((value) => value === 0)
      const wanted = Object.keys(theirs).filter((name) => !leftOut(name))
      const ours = await gather(seen, instance, wanted)
      const api = await apiOf(lab, instance)
      const { blocks = {} } = api.feeds['temperatures'] ?? {}
      for (const [name, { block, values }] of Object.entries(theirs)) {
        const where = `${model}: ${name}`
        const own = ours.get(name)
        if (own === undefined) {
          expect(blocks[block] ?? {}).not.toHaveProperty(name)
          continue
        }
        expect([where, own.block]).toEqual([where, block])
        const [a, b] = [mean(values), mean(own.values)]
        expect(Math.abs(a - b), `${where}: ${a} by socs, ${b} here`).toBeLessThanOrEqual(
          0.01 * Math.abs(a) + 1e-4,
        )
      }
      return `${ours.size} of ${Object.keys(theirs).length}`
    }),
  )
  figure(`fields of socs found with their block and value: ${counts.join(' of the 240, ')} of the 372`)

  const lacking = await Promise.all(
    Object.entries({ LS240_Agent: 'ls240', LS372_Agent: 'control' }).map(async ([theirs, instance]) => {
      const { ops } = await apiOf(lab, instance)
      return Object.entries(report.params?.[theirs] ?? {}).flatMap(([op, params]) => {
        const known = Object.keys((ops[op]?.params['properties'] ?? {}) as object)
        const missing = ops[op] ? params.filter((param) => !known.includes(param)) : ['the operation']
        return missing.map((what) => `${instance} ${op}: ${what}`)
      })
    }),
  )
  expect(lacking.flat()).toEqual([])
  const ops = Object.values(report.params ?? {}).map((found) => Object.keys(found).length)
  figure(`operations of socs that are here with all their parameters: ${ops.join(' + ')}`)
  expect(Math.min(...ops)).toBeGreaterThan(4)
})

/** Values by field that an agent publishes, until each wanted field has come a few times. */
async function gather(listener: Listener, instance: string, wanted: readonly string[]) {
  const found = new Map<string, { block: string; values: number[] }>()
  let taken = 0
  const take = () => {
    for (const { instance: from, row } of listener.rows.slice(taken)) {
      if (from !== instance) continue
      for (const [name, values] of Object.entries(row.data)) {
        if (!wanted.includes(name)) continue
        const one = found.get(name) ?? { block: row.block, values: [] }
        one.values.push(...values.map(Number))
        found.set(name, one)
      }
    }
    taken = listener.rows.length
    return wanted.every((name) => (found.get(name)?.values.length ?? 0) >= 5)
  }
  await until(`readings of ${instance}`, 30, take)
  return found
}

async function apiOf(lab: Lab, instance: string): Promise<AgentApi> {
  const topic = `observatory/${instance}/api`
  const client = lab.program(`api-${instance}`, ['mosquitto_sub', '-p', '1883', '-t', topic, '-C', '1'])
  await client.ended()
  return JSON.parse(client.text('out')) as AgentApi
}
