import { readdir, readFile } from 'node:fs/promises'
import { freemem, loadavg, totalmem } from 'node:os'
import type { Reading } from './sampled.ts'

/**
 * The machine's own readings: temperatures of Linux's hwmon and thermal zones if it has them, load and memory
 * always.
 * @param sys where sysfs is mounted
 */
export async function readMachine(sys = '/sys'): Promise<Reading[]> {
  const [chips, zones] = await Promise.all([hwmon(`${sys}/class/hwmon`), thermal(`${sys}/class/thermal`)])
  return unique([...chips, ...zones, ...system()])
}

/** Load averages and memory in use. */
function system(): Reading[] {
  const [one = 0, five = 0, fifteen = 0] = loadavg()
  const used = totalmem() - freemem()
  const load = (field: string, value: number, minutes: number): Reading => ({
    field,
    value,
    units: '',
    description: `processes running or waiting, mean of ${minutes} min`,
  })
  return [
    load('load_1min', one, 1),
    load('load_5min', five, 5),
    load('load_15min', fifteen, 15),
    { field: 'memory_used', value: used, units: 'B', description: 'memory in use' },
    {
      field: 'memory_used_percent',
      value: (100 * used) / totalmem(),
      units: '%',
      description: 'memory in use',
    },
  ]
}

/** `hwmonN/tempM_input` in thousandths of °C, named by chip and label (kernel, Documentation/hwmon/sysfs-interface). */
async function hwmon(folder: string): Promise<Reading[]> {
  const chips = await list(folder)
  const found = chips.map(async (chip) => {
    const files = await list(`${folder}/${chip}`)
    const name = (await text(`${folder}/${chip}/name`)) ?? chip
    const inputs = files.flatMap((file) => /^(temp\d+)_input$/.exec(file)?.[1] ?? [])
    const readings = inputs.map(async (input) => {
      const label = (await text(`${folder}/${chip}/${input}_label`)) ?? input
      return temperature(`${name}_${label}`, `${folder}/${chip}/${input}_input`, `${name}: ${label}`)
    })
    return (await Promise.all(readings)).flat()
  })
  return (await Promise.all(found)).flat()
}

/** `thermal_zoneN/temp` in thousandths of °C, named by the zone's type. */
async function thermal(folder: string): Promise<Reading[]> {
  const zones = (await list(folder)).filter((zone) => zone.startsWith('thermal_zone'))
  const found = zones.map(async (zone) => {
    const type = (await text(`${folder}/${zone}/type`)) ?? zone
    return temperature(`zone_${type}`, `${folder}/${zone}/temp`, `thermal zone ${type}`)
  })
  return (await Promise.all(found)).flat()
}

async function temperature(name: string, file: string, description: string): Promise<Reading[]> {
  const read = await text(file)
  if (read === undefined || !/^-?\d+$/.test(read)) return []
  return [{ field: fieldName(name), value: Number(read) / 1000, units: '°C', description }]
}

/** A field name that follows OCS's rule, from whatever the machine calls a sensor. */
function fieldName(name: string): string {
  const legal = name.replaceAll(/[^A-Za-z0-9]+/g, '_').replaceAll(/^_+|_+$/g, '')
  return /^[A-Za-z]/.test(legal) ? legal : `sensor_${legal}`
}

/** Numbers the second and later readings with the same name. */
function unique(readings: readonly Reading[]): Reading[] {
  const seen = new Map<string, number>()
  return readings.map((reading) => {
    const nth = (seen.get(reading.field) ?? 0) + 1
    seen.set(reading.field, nth)
    return nth === 1 ? reading : { ...reading, field: `${reading.field}_${nth}` }
  })
}

/** A folder's entries in a stable order; empty if the folder does not exist. */
async function list(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  return names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
}

/** A file's trimmed text; undefined if it cannot be read, as for sleeping sensors. */
async function text(file: string): Promise<string | undefined> {
  const read = await readFile(file, 'utf8').catch(() => undefined)
  return read?.trim()
}
