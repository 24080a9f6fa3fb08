/** The Lake Shore 336 as `ocs sim lakeshore336` has it: what its agent asks for, and what Lake Shore's own driver does besides. */
import { decimal, flag, integer, row, text } from '../../instrument/codec.ts'
import { type Part, whole } from '../../instrument/parts.ts'
import type { Register } from '../../instrument/registers.ts'
import type { Reading, Simulated, SimulatedInstrument } from '../../instrument/table.ts'
import * as table from './lakeshore336-table.ts'

/** What it keeps and its agent does not ask for. */
const others: readonly Register[] = [
  {
    name: 'FILTER',
    record: row({ on: flag, points: integer, window: integer }),
    initial: { on: false, points: 8, window: 10 },
  },
  {
    name: 'CRVHDR',
    record: row({
      name: text(15),
      serialNumber: text(10),
      format: integer,
      limit: decimal,
      coefficient: integer,
    }),
    initial: { name: 'DT-670', serialNumber: 'STANDARD', format: 2, limit: 500, coefficient: 1 },
  },
]

const diodes: readonly table.Channel[] = table.inputs.slice(0, 4).map((input) => ({
  input,
  name: `Channel ${input}`,
  field: `Channel_${input}`,
  sensor: 'diode',
  calibrated: true,
}))

const alone = (command: string, part: Part, sim: Simulated): Reading => ({
  block: 'alone',
  command,
  fields: { [command]: { part, sim } },
})

/** Four diodes, the fourth without a curve, and two heaters. Ramps are over at once. */
export const simulatedTable: Pick<SimulatedInstrument, 'registers' | 'readings'> = {
  registers: [
    ...[table.range, table.pid, table.outputMode, table.heaterSetup, table.manualOut, table.setpoint],
    ...[table.ramp, table.limit, table.inputType, table.inputName, table.inputCurve, ...others],
  ],
  readings: [
    ...table.readingsOf(diodes, diodes.length),
    ...diodes.flatMap(({ input }) => [
      alone(`KRDG? ${input}`, whole(decimal), [4.2, 0.002]),
      alone(`SRDG? ${input}`, whole(decimal), [1.6, 0.0005]),
    ]),
    ...table.heaters.flatMap((output) => [
      alone(`RAMPST? ${output}`, whole(flag), false),
      alone(`HTRST? ${output}`, whole(integer), 0),
    ]),
  ],
}
