import type { Agent } from '../core/agent.ts'
import { ConfigError } from '../core/errors.ts'
import { didYouMean } from '../core/names.ts'

type Load = () => Promise<{ readonly default: unknown }>

/** Every class there is, with where it is declared; a new agent is a file and a line here. */
const classes: Readonly<Record<string, Load>> = {
  Lakeshore240Agent: () => import('../agents/lakeshore/lakeshore240.ts'),
  Lakeshore372Agent: () => import('../agents/lakeshore/lakeshore372.ts'),
  Lakeshore336Agent: () => import('../agents/lakeshore/lakeshore336.ts'),
  CryomechCPAAgent: () => import('../agents/cryomech-cpa.ts'),
  ScpiPsuAgent: () => import('../agents/scpi-psu.ts'),
  UPSAgent: () => import('../agents/ups.ts'),
  BlueforsAgent: () => import('../agents/bluefors.ts'),
  FakeDataAgent: () => import('../agents/fake-data.ts'),
  BarebonesAgent: () => import('../agents/barebones.ts'),
  HostManager: () => import('../agents/host-manager.ts'),
  RegistryAgent: () => import('../agents/registry.ts'),
  AlarmAgent: () => import('../agents/alarm/alarm.ts'),
  AggregatorAgent: () => import('../agents/aggregator.ts'),
  ThermometryDataNode: () => import('../datanode/thermometry.ts'),
  SensorsDataNode: () => import('../datanode/sensors.ts'),
  WeatherDataNode: () => import('../datanode/weather.ts'),
  ArchiveDataNode: () => import('../datanode/g3-archive.ts'),
}

/** The names of all classes. */
export const agentClasses: readonly string[] = Object.keys(classes)

/**
 * The declaration of an agent class, by its name or another spelling it has.
 * @throws ConfigError naming the nearest classes, or all
 */
export async function findAgent(name: string): Promise<Agent> {
  const known = Object.hasOwn(classes, name) ? classes[name] : undefined
  if (known) return declared(known)
  const spellings = [...agentClasses]
  for (const load of Object.values(classes)) {
    const agent = await declared(load)
    if (agent.spec.aliases?.includes(name)) return agent
    spellings.push(...(agent.spec.aliases ?? []))
  }
  const [near] = didYouMean(name, spellings)
  const hint = near ? `did you mean ${near}? ` : ''
  throw new ConfigError(`there is no agent class "${name}": ${hint}there are ${agentClasses.join(', ')}`)
}

async function declared(load: Load): Promise<Agent> {
  // Each declaration has types of its own; what runs them needs none.
  return (await load()).default as Agent
}
