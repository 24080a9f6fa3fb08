import type { Agent } from '../core/agent.ts'
import { ConfigError } from '../core/errors.ts'
import type { SimulatedInstrument } from '../instrument/table.ts'
import { startBluefors } from '../simulators/bluefors.ts'
import { simulators as own, type SimulatorKind } from '../simulators/index.ts'
import { startModbus } from '../simulators/modbus-server.ts'
import { startSnmp } from '../simulators/snmp-server.ts'
import { startBehindPrologix, startTable } from '../simulators/table-server.ts'
import { agentClasses, instrumentName, loadClass } from './agents.ts'
import { type Exports, importOwn } from './own-module.ts'

/** The servers for a table, by kind of link. */
const servers = {
  lines: { links: ['tcp', 'pty'], serve: startTable },
  prologix: { links: ['tcp'], serve: startBehindPrologix },
  modbus: { links: ['tcp'], serve: startModbus },
  snmp: { links: ['udp'], serve: startSnmp },
} as const

/** Instruments whose behaviour a table cannot describe. */
const behaving: Readonly<Record<string, SimulatorKind>> = {
  ...own,
  bluefors: {
    help: 'The logs of a Bluefors refrigerator’s control software, one line a second in each.',
    links: ['dir'],
    start: startBluefors,
  },
}

/**
 * The simulators by their name in `ocs sim`: those with behaviour, and each table that the module of an agent
 * exports as `simulated`.
 * @param name the wanted simulator: if its module is clear from the name, no other declaration is loaded
 */
export async function findSimulators(name?: string): Promise<Readonly<Record<string, SimulatorKind>>> {
  if (name !== undefined && Object.hasOwn(behaving, name)) return behaving
  const named = agentClasses.filter((agentClass) => instrumentName(agentClass) === name)
  const wanted = named.length > 0 ? named : agentClasses
  const tables = await Promise.all(
    wanted.map(async (agentClass) => kindsOf(instrumentName(agentClass), await loadClass(agentClass))),
  )
  return { ...behaving, ...Object.assign({}, ...tables) }
}

/**
 * The instrument whose table a user's own module exports as `simulated`.
 * @throws ConfigError when the module exports none
 */
export async function simulatedModule(file: string): Promise<SimulatorKind> {
  const [kind] = Object.values(kindsOf(file, await importOwn(file, process.cwd())))
  if (!kind) throw new ConfigError(`${file} exports no table: export const simulated = { … }`)
  return kind
}

/** The tables of a module as simulators, by name. */
function kindsOf(name: string, exports: Exports): Record<string, SimulatorKind> {
  const { simulated, default: agent } = exports as { simulated?: SimulatedInstrument; default?: Agent }
  if (!simulated?.readings) return {}
  const { help = agent?.spec.help ?? '', served = 'lines', behindPrologix } = simulated
  const kind = (by: keyof typeof servers, about: string): SimulatorKind => {
    const { links, serve } = servers[by]
    return { help: about, links, start: (options) => serve(simulated, options) }
  }
  return {
    [name]: kind(served, help),
    ...(behindPrologix && {
      [behindPrologix]: kind('prologix', `${name} at GPIB address 5, behind a Prologix controller.`),
    }),
  }
}
