import { ConfigError } from '../core/errors.ts'
import type { SimulatedInstrument } from '../instrument/table.ts'
import { startBluefors } from '../simulators/bluefors.ts'
import { simulators as own, type SimulatorKind } from '../simulators/index.ts'
import { startModbus } from '../simulators/modbus-server.ts'
import type { Simulator, SimulatorOptions } from '../simulators/simulator.ts'
import { startSnmp } from '../simulators/snmp-server.ts'
import { startBehindPrologix, startTable } from '../simulators/table-server.ts'
import { importOwn } from './own-module.ts'

type Load = () => Promise<{ readonly simulated: SimulatedInstrument }>
type Links = SimulatorKind['links']

/**
 * Starts an instrument by the table that a module of one's own exports as `simulated`; it answers lines.
 * @throws ConfigError when the module exports none
 */
export async function startModule(file: string, options: SimulatorOptions): Promise<Simulator> {
  const { simulated } = (await importOwn(file, process.cwd())) as { simulated?: SimulatedInstrument }
  if (!simulated?.readings) throw new ConfigError(`${file} exports no table: export const simulated = { … }`)
  return startTable(simulated, options)
}

/** What serves a table, on which links. */
const served: Readonly<
  Record<'lines' | 'prologix' | 'modbus' | 'snmp', readonly [Links, typeof startModbus]>
> = {
  lines: [['tcp', 'pty'], startTable],
  prologix: [['tcp'], startBehindPrologix],
  modbus: [['tcp'], startModbus],
  snmp: [['udp'], startSnmp],
}

/** Instruments that are simulated by the table in their agent's declaration; a new one is a line here. */
const tables: Readonly<Record<string, readonly [keyof typeof served, help: string, load: Load]>> = {
  lakeshore336: [
    'lines',
    'Lake Shore 336: four diodes, the fourth without a curve, and two heaters.',
    () => import('../agents/lakeshore/lakeshore336.ts'),
  ],
  'cryomech-cpa': [
    'modbus',
    'Cryomech CPA: a compressor that runs, with Modbus-TCP.',
    () => import('../agents/cryomech-cpa.ts'),
  ],
  ups: ['snmp', 'A UPS with one line in and one out.', () => import('../agents/ups.ts')],
  'scpi-psu': [
    'lines',
    'Keithley 2230G: a power supply of three channels.',
    () => import('../agents/scpi-psu.ts'),
  ],
  'prologix-psu': [
    'prologix',
    'The same at GPIB address 5, behind a Prologix controller.',
    () => import('../agents/scpi-psu.ts'),
  ],
}

/** All simulators by the name that `ocs sim` takes. */
export const simulators: Readonly<Record<string, SimulatorKind>> = {
  ...own,
  bluefors: {
    help: 'The control software of a Bluefors refrigerator: logs, a line of each a second.',
    links: ['dir'],
    start: startBluefors,
  },
  ...Object.fromEntries(
    Object.entries(tables).map(([name, [by, help, load]]): [string, SimulatorKind] => {
      const [links, serve] = served[by]
      return [name, { help, links, start: async (options) => serve((await load()).simulated, options) }]
    }),
  ),
}
