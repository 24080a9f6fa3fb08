/**
 * An instrument as a table of what it reads and what it keeps: a pressure gauge that answers lines. `ocs new instrument`
 * begins with a copy of this file. To try it without the instrument:
 *
 *     ocs sim module pressure-gauge.ts --tcp=127.0.0.1:7000 --serial-number=0042
 */
import { z } from 'ocs'
import { choice, decimal, row } from 'ocs/instrument/codec'
import { defineInstrument } from 'ocs/instrument/define-instrument'
import { whole } from 'ocs/instrument/parts'
import type { Register } from 'ocs/instrument/registers'
import type { Reading, SimulatedInstrument } from 'ocs/instrument/table'

const units = choice(0, 'mbar', 'torr')
/** `UNIT n` sets it, `UNIT?` asks for it; a task below sets it and compares. */
const unit: Register = { name: 'UNIT', record: row({ unit: units }), initial: { unit: 'mbar' } }

/** What is read in each sweep: a query, and the fields in its reply. */
const readings: readonly Reading[] = [
  {
    block: 'gauge',
    command: 'PR?',
    fields: {
      pressure: { units: 'mbar', description: 'in the chamber', part: whole(decimal), sim: [1e-5, 1e-7] },
    },
  },
]

export default defineInstrument({
  class: 'PressureGaugeAgent',
  help: 'Reads a pressure gauge.',
  args: z.object({
    address: z.string().min(1).describe('tcp://HOST:PORT, serial:/dev/…, or replay:FILE'),
    mode: z.enum(['idle', 'acq']).default('acq').describe('what the agent starts by itself'),
  }),
  wiring: 'Ethernet, TCP port 7000.',
  example: { address: 'tcp://10.10.10.5:7000' },
  address: ({ address }) => address,
  open: () => ({ identify: { command: '*IDN?', match: /^ACME,GAUGE/ } }),
  feed: { name: 'pressures', help: 'Chamber pressure.' },
  readings,
  acq: { help: 'Read once a second.', rate: () => 1, startup: ({ mode }) => mode === 'acq' },
  settings: [
    {
      name: 'set_unit',
      help: 'Set the unit on the display.',
      register: unit,
      params: { unit: units.schema.describe('unit') },
    },
  ],
})

/** The same instrument, simulated: `{serial}` stands for the serial number. */
export const simulated: SimulatedInstrument = {
  identity: 'ACME,GAUGE,{serial},1.0',
  readings,
  registers: [unit],
}
