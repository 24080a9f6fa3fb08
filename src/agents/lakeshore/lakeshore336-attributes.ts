/** What socs' get_channel_attribute and get_heater_attribute can ask for, by its names. */
import { decimal, flag } from '../../instrument/codec.ts'
import { type Register, recall } from '../../instrument/registers.ts'
import type { Link } from '../../instrument/transport/link.ts'
import * as table from './lakeshore336-table.ts'

type Ask = (link: Link, key: string) => Promise<unknown>

/** One value of a register, or all of them as a list. */
function from<V extends object>(register: Register<V>, name?: keyof V): Ask {
  return async (link, key) => {
    const found = await recall(link, register, key)
    return name === undefined ? Object.values(found) : found[name]
  }
}

/** Of an input. */
export const channelAttributes: Readonly<Record<string, Ask>> = {
  input_type: from(table.inputType),
  sensor_type: from(table.inputType, 'sensor'),
  units: from(table.inputType, 'units'),
  input_name: from(table.inputName, 'name'),
  input_curve: from(table.inputCurve, 'curve'),
  T_limit: from(table.limit, 'T_limit'),
}

/** Of a heater. */
export const heaterAttributes: Readonly<Record<string, Ask>> = {
  output_mode: from(table.outputMode),
  mode: from(table.outputMode, 'mode'),
  input_channel: from(table.outputMode, 'input'),
  powerup: from(table.outputMode, 'powerup'),
  heater_setup: from(table.heaterSetup),
  heater_resistance_setting: from(table.heaterSetup, 'resistance'),
  max_current: async (link, key) => table.maxCurrentOf(await recall(link, table.heaterSetup, key)),
  heater_display: from(table.heaterSetup, 'display'),
  manual_out: from(table.manualOut, 'percent'),
  heater_range: from(table.range, 'range'),
  setpoint: from(table.setpoint, 'setpoint'),
  pid: from(table.pid),
  ramp: from(table.ramp),
  ramp_on_off: async (link, key) => ((await recall(link, table.ramp, key)).on ? 'on' : 'off'),
  ramp_rate: from(table.ramp, 'rate'),
  ramp_status: async (link, key) =>
    (await link.read(`RAMPST? ${key}`, flag.decode)) ? 'Ramping' : 'Not ramping',
  heater_percent: (link, key) => link.read(`HTR? ${key}`, decimal.decode),
}

/** The names of attributes, for a schema. */
export const namesOf = (attributes: Readonly<Record<string, Ask>>): [string, ...string[]] =>
  Object.keys(attributes) as [string, ...string[]]
