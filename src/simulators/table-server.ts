import type { SimulatedInstrument } from '../instrument/table.ts'
import { createPrologix } from './prologix.ts'
import { contextOf, type Simulator, type SimulatorOptions, serve } from './simulator.ts'
import { createTableDialect } from './table.ts'

/**
 * Starts an instrument defined by a table, on a pseudo-terminal or a TCP port.
 * @param maxClients number of simultaneous connections that it accepts
 * @throws UsageError for invalid options, ConfigError if the link cannot be opened
 */
export function startTable(
  table: SimulatedInstrument,
  options: SimulatorOptions,
  maxClients = 2,
): Promise<Simulator> {
  const context = contextOf(options)
  return serve(createTableDialect(table, context), context, options, maxClients)
}

/** The GPIB address of the device behind a simulated controller. */
const GPIB = 5

/** The same behind a Prologix controller, at GPIB address 5. */
export function startBehindPrologix(
  table: SimulatedInstrument,
  options: SimulatorOptions,
): Promise<Simulator> {
  const context = contextOf(options)
  const dialect = createPrologix(new Map([[GPIB, createTableDialect(table, context)]]))
  return serve(dialect, context, options, 2)
}
