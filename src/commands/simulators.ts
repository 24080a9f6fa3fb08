import type { SimulatedInstrument } from '../instrument/table.ts'
import { simulators as own, type SimulatorKind } from '../simulators/index.ts'
import { startTable } from '../simulators/table-server.ts'

type Load = () => Promise<{ readonly simulated: SimulatedInstrument }>

/** Instruments that are simulated by the table in their agent's declaration; a new one is a line here. */
const tables: Readonly<Record<string, readonly [help: string, load: Load]>> = {
  lakeshore336: [
    'Lake Shore 336: four diodes, the fourth without a curve, and two heaters.',
    () => import('../agents/lakeshore336.ts'),
  ],
}

/** All simulators by the name that `ocs sim` takes. */
export const simulators: Readonly<Record<string, SimulatorKind>> = {
  ...own,
  ...Object.fromEntries(
    Object.entries(tables).map(([name, [help, load]]): [string, SimulatorKind] => [
      name,
      {
        help,
        links: ['tcp', 'pty'],
        start: async (options) => startTable((await load()).simulated, options),
      },
    ]),
  ),
}
