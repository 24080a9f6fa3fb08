import { z } from 'zod'
import { OpError, TransportError } from '../core/errors.ts'
import { decimal, integer, text } from '../instrument/codec.ts'
import { defineInstrument } from '../instrument/define-instrument.ts'
import { type Part, whole } from '../instrument/parts.ts'
import type { Reading, ReadingField, Simulated, SimulatedInstrument } from '../instrument/table.ts'
import { addressFrom } from '../instrument/transport/address.ts'
import type { Link } from '../instrument/transport/link.ts'

/** UPS-MIB, RFC 1628: a UPS's identity, battery, input lines and output lines. Its numbers are whole, but some have none. */
const MIB = '1.3.6.1.2.1.33.1'
const [INPUT_LINES, OUTPUT_LINES] = [`${MIB}.3.2.0`, `${MIB}.4.3.0`]
/** Lines that are asked for where a UPS does not say how many there are, and the most that are believed. */
const [TRIED, MOST_LINES] = [3, 12]

/** An object by its name: where it is, its units or the names of its codes (from 1), what a simulated UPS shows. */
type Entry = readonly [oid: string, units: string | readonly string[] | undefined, sim: Simulated]
const own: Readonly<Record<string, Entry>> = {
  upsIdentManufacturer: ['1.1', undefined, 'Falcon'],
  upsIdentModel: ['1.2', undefined, 'SSG3KRM-2'],
  upsBatteryStatus: ['2.1', ['unknown', 'batteryNormal', 'batteryLow', 'batteryDepleted'], 2],
  upsSecondsOnBattery: ['2.2', 's', 0],
  upsEstimatedMinutesRemaining: ['2.3', 'min', 60],
  upsEstimatedChargeRemaining: ['2.4', '%', 100],
  upsBatteryVoltage: ['2.5', '0.1 V', 1200],
  upsBatteryCurrent: ['2.6', '0.1 A', 10],
  upsBatteryTemperature: ['2.7', '°C', 30],
  upsOutputSource: ['4.1', ['other', 'none', 'normal', 'bypass', 'battery', 'booster', 'reducer'], 3],
}
const input: Readonly<Record<string, Entry>> = {
  upsInputVoltage: ['3.3.1.3', 'V', 120],
  upsInputCurrent: ['3.3.1.4', '0.1 A', 100],
  upsInputTruePower: ['3.3.1.5', 'W', 1200],
}
const output: Readonly<Record<string, Entry>> = {
  upsOutputVoltage: ['4.4.1.2', 'V', 120],
  upsOutputCurrent: ['4.4.1.3', '0.1 A', 90],
  upsOutputPower: ['4.4.1.4', 'W', 1080],
  upsOutputPercentLoad: ['4.4.1.5', '%', 36],
}

/** Plausible ranges by unit: a UPS may report -1 for an unknown value. */
const RANGES = {
  s: [0, null],
  min: [0, null],
  '%': [0, 200],
  V: [0, 1000],
  W: [0, null],
  '°C': [-20, 100],
  '0.1 V': [0, 10_000],
  '0.1 A': [-10_000, 10_000],
} as const

/** An object as socs publishes it: its value, and the same in words. */
function reading(block: string, name: string, [oid, units, sim]: Entry, index: number): Reading {
  const field = `${name}_${index}`
  const codes = Array.isArray(units) ? (units as readonly string[]) : undefined
  const value = (): ReadingField => {
    if (units === undefined) return { type: 'string', part: whole(text(255)), sim }
    if (!codes)
      return {
        units: String(units),
        resolution: 1,
        range: RANGES[units as keyof typeof RANGES],
        influxdb_int: true,
        part: whole(decimal),
        sim,
      }
    const description = [...codes.map((word, i) => `${i + 1} ${word}`), '-1 not read'].join(', ')
    return { type: 'int', description, part: whole(integer), unread: -1, sim }
  }
  const words: Part<string> = { decode: (reply) => codes?.[Number(reply) - 1] ?? reply, place: () => {} }
  return {
    block,
    command: `get ${MIB}.${oid}.${index}`,
    fields: { [field]: value(), [`${field}_description`]: { type: 'string', part: words } },
  }
}

/** All readings that a UPS with this many lines may have. */
function readingsOf({ inputs, outputs }: { inputs: number; outputs: number }): readonly Reading[] {
  const lines = (count: number, block: string, table: typeof own) =>
    Array.from({ length: count }, (_, i) =>
      Object.entries(table).map(([name, entry]) => reading(`${block}_${i}`, name, entry, i + 1)),
    ).flat()
  return [
    ...Object.entries(own).map(([name, entry]) => reading('ups', name, entry, 0)),
    ...lines(inputs, 'input', input),
    ...lines(outputs, 'output', output),
  ]
}

const nameOf = ({ fields }: Reading): string => Object.keys(fields)[0] ?? ''

/** The readings that this UPS has: it is asked for each once. */
async function survey(
  link: Link,
  disabled: readonly string[],
  log: (text: string) => void,
): Promise<readonly Reading[]> {
  const lines = async (oid: string): Promise<number | undefined> => {
    const reply = await link.query(`get ${oid}`).catch(orAbsent)
    return /^\d+$/.test(reply ?? '') && Number(reply) <= MOST_LINES ? Number(reply) : undefined
  }
  const [inputs, outputs] = [await lines(INPUT_LINES), await lines(OUTPUT_LINES)]
  const untold = inputs === undefined || outputs === undefined
  if (untold) log(`it does not report how many lines it has: trying ${TRIED}, and skipping those it lacks`)
  const all = readingsOf({ inputs: inputs ?? TRIED, outputs: outputs ?? TRIED })
  const present: Reading[] = []
  const absent: string[] = []
  for (const one of all.filter((other) => !disabled.includes(nameOf(other).replace(/_\d+$/, ''))))
    if ((await link.query(one.command).catch(orAbsent)) === undefined) absent.push(nameOf(one))
    else present.push(one)
  if (present.length === 0)
    throw new TransportError(`${link.name}: it answers nothing of RFC 1628: is it a UPS?`)
  if (absent.length > 0) log(`it has no ${absent.join(', ')}: skipped`)
  return present
}

/** Nothing for an object that is not there. */
function orAbsent(error: unknown): undefined {
  if (!(error instanceof OpError)) throw error
}

export default defineInstrument({
  class: 'UPSAgent',
  help: 'Reads a UPS by SNMP (RFC 1628).',
  args: z.object({
    address: z.string().describe('its host, or a whole address such as snmp://10.0.0.6:161?community=lab'),
    port: z.int().min(1).max(65_535).default(161).describe('UDP port'),
    snmp_version: z.enum(['1', '2', '3']).default('1').describe('version of SNMP; with 3 the user is ocs'),
    mode: z.enum(['acq', 'test', 'idle']).default('acq').describe('acq: readings start with the agent'),
    disabled_oids: z.array(z.string()).default([]).describe('objects to skip, such as upsBatteryTemperature'),
    period: z.number().positive().default(60).describe('seconds between readings').meta({ units: 's' }),
  }),
  retired: { restart_time: 'its memory does not grow, so it need not be restarted' },
  wiring:
    'Ethernet, SNMP at UDP port 161; the UPS has to allow the community `public` to read. Off the network: `ocs sim ups --serial-number=1 --udp=127.0.0.1:1161`.',
  example: { address: '10.10.10.50', snmp_version: '1' },
  address: ({ address, port, snmp_version }) =>
    addressFrom('snmp', address, port, `?version=${snmp_version}`),
  open: () => ({ identify: null }),
  survey: (link, { disabled_oids }, log) => survey(link, disabled_oids, log),
  feed: { name: 'ups', help: 'Battery, input and output of the UPS.', frame_length: 600 },
  readings: (present) => present,
  acq: {
    help: 'Read the UPS, once a minute by default.',
    rate: ({ period }) => 1 / period,
    startup: ({ mode }) => mode === 'acq',
    data: ({ timestamp, fields, connection, errors }) => {
      const values = Object.entries(fields).filter(([name]) => !name.endsWith('_description'))
      const shown = values.map(([name, status]) => [
        name,
        { status, description: fields[`${name}_description`] },
      ])
      return { ...Object.fromEntries(shown), ups_connection: connection, timestamp, errors }
    },
  },
})

/** A UPS with one line in and one out, as `ocs sim ups` has it. */
export const simulated: SimulatedInstrument = {
  help: 'A UPS with one input and one output line.',
  served: 'snmp',
  readings: [
    ...readingsOf({ inputs: 1, outputs: 1 }),
    ...[INPUT_LINES, OUTPUT_LINES].map((oid) => ({
      block: 'lines',
      command: `get ${oid}`,
      fields: { [oid]: { part: whole(integer), sim: 1 } },
    })),
  ],
}
