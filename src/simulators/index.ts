import { startLakeshore240 } from './lakeshore240.ts'
import { startLakeshore372 } from './lakeshore372.ts'
import type { Simulator, SimulatorOptions } from './simulator.ts'

/** A kind of instrument that can be simulated. */
export interface SimulatorKind {
  /** Its description in the list of commands, one line. */
  help: string
  /** Links on which it can be served; the first is the usual connection of the real instrument. */
  links: readonly ('pty' | 'tcp' | 'udp' | 'dir')[]
  start: (options: SimulatorOptions) => Promise<Simulator>
}

/** The simulators by the name that `ocs sim` takes. */
export const simulators: Record<string, SimulatorKind> = {
  lakeshore240: {
    help: 'Lake Shore 240-8P: six silicon diodes, one calibrated.',
    links: ['pty', 'tcp'],
    start: startLakeshore240,
  },
  lakeshore372: {
    help: 'Lake Shore 372: 15 scanned channels, control input and heaters in a dilution refrigerator.',
    links: ['tcp', 'pty'],
    start: startLakeshore372,
  },
}
