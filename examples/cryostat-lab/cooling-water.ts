/**
 * The meter in the compressor's cooling water, which `ocs` does not know: registers over Modbus-TCP, and a limit that is
 * kept in the meter. Without the meter:
 *
 *     ocs sim module cooling-water.ts --tcp=127.0.0.1:5021 --serial-number=1
 */
import { z } from 'ocs'
import { defineInstrument } from 'ocs/instrument/define-instrument'
import { bits, int16, scaled, uint16, words } from 'ocs/instrument/modbus-parts'
import type { Register } from 'ocs/instrument/registers'
import type { Reading, SimulatedInstrument } from 'ocs/instrument/table'

/** Below which flow its own relay opens: register 10, tenths of a l/min. */
const limit: Register = {
  name: 'write 10',
  query: 'holding 10 1',
  record: words({ flow: scaled(uint16(0), 0.1) }),
  initial: { flow: 3 },
}

const readings: readonly Reading[] = [
  {
    block: 'water',
    command: 'input 0 4',
    fields: {
      flow: {
        ...{ units: 'l/min', description: 'through the compressor', resolution: 0.1 },
        ...{ range: [0, 30], part: scaled(uint16(0), 0.1), sim: [8.5, 0.1] },
      },
      inlet: { units: '°C', range: [-10, 90], part: scaled(int16(1), 0.1), sim: [15, 0.1] },
      outlet: { units: '°C', range: [-10, 90], part: scaled(int16(2), 0.1), sim: [24, 0.1] },
      relay: {
        ...{ type: 'int', description: '1 while the flow is enough for the relay' },
        ...{ part: bits(3, 0), sim: 1 },
      },
    },
  },
]

export default defineInstrument({
  class: 'CoolingWaterAgent',
  help: 'Reads the flow and the temperatures of the cooling water.',
  args: z.object({
    address: z.string().min(1).describe('modbus://HOST[:PORT]/UNIT, or replay:FILE'),
    mode: z.enum(['idle', 'acq']).default('acq').describe('what the agent starts by itself'),
  }),
  wiring: 'Ethernet, Modbus-TCP at port 502, unit 1.',
  example: { address: 'modbus://10.10.10.120:502/1' },
  address: ({ address }) => address,
  open: () => ({ identify: null }),
  feed: { name: 'water', help: 'Flow and temperatures.' },
  readings,
  acq: { help: 'Read once a second.', rate: () => 1, startup: ({ mode }) => mode === 'acq' },
  settings: [
    {
      name: 'set_limit',
      help: 'Set the flow below which the relay opens.',
      register: limit,
      params: { flow: z.number().min(0).max(30).describe('the least flow').meta({ units: 'l/min' }) },
    },
  ],
})

/** The same meter, simulated. */
export const simulated: SimulatedInstrument = { served: 'modbus', readings, registers: [limit] }
