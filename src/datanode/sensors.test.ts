import { expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { testLab, until } from '../bridge/lab.test-aid.ts'
import { FieldsAnswer } from '../core/data-node.ts'
import { FIELD } from '../core/names.ts'
import { caller } from '../lab/request-client.ts'
import { readMachine } from './hwmon.ts'
import { nodeInstance } from './node-instance.ts'
import sensors from './sensors.ts'

test('temperatures by chip and label, thermal zones by type, load and memory', async () => {
  const sys = mkdtempSync(join(tmpdir(), 'ocs-sys-'))
  const put = (path: string, text: string) => {
    mkdirSync(join(sys, path, '..'), { recursive: true })
    writeFileSync(join(sys, path), text)
  }
  put('class/hwmon/hwmon0/name', 'coretemp\n')
  put('class/hwmon/hwmon0/temp1_input', '45500\n')
  put('class/hwmon/hwmon0/temp1_label', 'Package id 0\n')
  put('class/hwmon/hwmon0/temp2_input', '-1250\n')
  put('class/hwmon/hwmon0/temp3_input', 'N/A\n')
  put('class/hwmon/hwmon0/fan1_input', '900\n')
  put('class/hwmon/hwmon1/name', 'nvme\n')
  put('class/hwmon/hwmon1/temp1_input', '30000\n')
  put('class/hwmon/hwmon2/name', 'nvme\n')
  put('class/hwmon/hwmon2/temp1_input', '31000\n')
  put('class/thermal/thermal_zone0/type', 'x86_pkg_temp\n')
  put('class/thermal/thermal_zone0/temp', '44000\n')
  put('class/thermal/cooling_device0/type', 'Fan\n')
  const readings = await readMachine(sys)
  rmSync(sys, { recursive: true })
  expect(readings.filter(({ units }) => units === '°C').map(({ field, value }) => [field, value])).toEqual([
    ['coretemp_Package_id_0', 45.5],
    ['coretemp_temp2', -1.25],
    ['nvme_temp1', 30],
    ['nvme_temp1_2', 31],
    ['zone_x86_pkg_temp', 44],
  ])
  expect(readings.every(({ field }) => FIELD.test(field))).toBe(true)
})

test('a machine without sensors still has load and memory', async () => {
  const readings = await readMachine('/nowhere')
  expect(readings.map(({ field }) => field)).toEqual([
    'load_1min',
    'load_5min',
    'load_15min',
    'memory_used',
    'memory_used_percent',
  ])
  expect(readings.every(({ value }) => value >= 0)).toBe(true)
})

test('the node serves its first reading at once', async () => {
  await using lab = testLab()
  await lab.run(sensors, nodeInstance('sensors'), {})
  const ask = await caller(lab.hub.connect('asker'), 'observatory')
  const fields = async () => FieldsAnswer.parse(await ask.query('node-sensors', 'get_fields', {}))
  const { timelines } = await until(fields, (got) => 'load_1min' in got.fields)
  expect(timelines['sensors']?.fields).toContain('memory_used')
})

test('an instance-id from a name', () => {
  expect(nodeInstance('LSA21OQ')).toBe('node-LSA21OQ')
  expect(nodeInstance('my lab. 4')).toBe('node-my-lab--4')
  expect(nodeInstance('x'.repeat(63))).toHaveLength(63)
})
