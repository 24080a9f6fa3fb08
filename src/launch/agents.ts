import type { Agent } from '../core/agent.ts'
import { ConfigError } from '../core/errors.ts'
import { didYouMean } from '../core/names.ts'
import { foreignClasses } from './foreign-classes.ts'

/** The exports of a class's module: its declaration, and the table of an instrument that can be simulated. */
type Load = () => Promise<{ readonly default: unknown; readonly simulated?: unknown }>

/** All classes with their modules; a new agent is one file and one line here. */
const classes: Readonly<Record<string, Load>> = {
  Lakeshore240Agent: () => import('../agents/lakeshore/lakeshore240.ts'),
  Lakeshore372Agent: () => import('../agents/lakeshore/lakeshore372.ts'),
  Lakeshore336Agent: () => import('../agents/lakeshore/lakeshore336.ts'),
  CryomechCPAAgent: () => import('../agents/cryomech-cpa.ts'),
  ScpiPsuAgent: () => import('../agents/scpi-psu.ts'),
  UPSAgent: () => import('../agents/ups.ts'),
  BlueforsAgent: () => import('../agents/bluefors.ts'),
  MqttSensorAgent: () => import('../agents/mqtt-sensor/mqtt-sensor.ts'),
  FakeDataAgent: () => import('../agents/fake-data.ts'),
  BarebonesAgent: () => import('../agents/barebones.ts'),
  HostManager: () => import('../agents/host-manager.ts'),
  RegistryAgent: () => import('../agents/registry.ts'),
  AlarmAgent: () => import('../agents/alarm/alarm.ts'),
  AggregatorAgent: () => import('../agents/aggregator.ts'),
  InfluxDBAgent: () => import('../sinks/influxdb.ts'),
  InfluxDBAgentv2: () => import('../sinks/influxdb-v2.ts'),
  ThermometryDataNode: () => import('../datanode/thermometry.ts'),
  SensorsDataNode: () => import('../datanode/sensors.ts'),
  WeatherDataNode: () => import('../datanode/weather.ts'),
  ArchiveDataNode: () => import('../datanode/g3-archive.ts'),
}

/** The names of all classes. */
export const agentClasses: readonly string[] = Object.keys(classes)

/**
 * The classes of recorders, host managers and alarm agents, in every spelling, the correct one first: known
 * without being loaded.
 */
export const recorderClasses: readonly string[] = ['AggregatorAgent', 'AgreggatorAgent']
export const managerClasses: readonly string[] = ['HostManager', 'HostManagerAgent']
export const alarmClass = 'AlarmAgent'
/** The classes of data nodes, by their name in `ocs datanode`. */
export const nodeClasses = {
  thermometry: 'ThermometryDataNode',
  sensors: 'SensorsDataNode',
  weather: 'WeatherDataNode',
  archive: 'ArchiveDataNode',
} as const

/**
 * Loads the module of a class.
 * @throws UnknownClassError for a name that is not in `agentClasses`
 */
export async function loadClass(agentClass: string): Promise<Awaited<ReturnType<Load>>> {
  const load = Object.hasOwn(classes, agentClass) ? classes[agentClass] : undefined
  if (!load) throw new UnknownClassError(`there is no agent class "${agentClass}"`, false)
  return await load()
}

/** The file name of an instrument and its simulator: `cryomech-cpa` for CryomechCPAAgent. */
export function instrumentName(agentClass: string): string {
  const words = agentClass.replace(/Agent$/, '').replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '-')
  return words.toLowerCase()
}

/** Whether an instance of this class is a recorder. */
export function isRecorder(agentClass: string): boolean {
  return recorderClasses.includes(agentClass)
}

/** Thrown for a class that does not exist here. */
export class UnknownClassError extends ConfigError {
  /** Whether it is a misspelling of one of ours or of OCS. */
  readonly isMisspelt: boolean

  constructor(message: string, isMisspelt: boolean) {
    super(message)
    this.isMisspelt = isMisspelt
  }
}

/**
 * The declaration of an agent class, by its name or another of its spellings.
 * @throws UnknownClassError naming the nearest class, or all
 */
export async function findAgent(name: string): Promise<Agent> {
  const known = Object.hasOwn(classes, name) ? classes[name] : undefined
  if (known) return declared(known)
  const owner = foreignClasses.get(name)
  if (owner)
    throw new UnknownClassError(
      `there is no agent class "${name}" here: ${owner} has it, in Python: name an interpreter with ${owner} in OCS_PYTHON, or by "python" of the instance`,
      false,
    )
  const spellings = [...agentClasses, ...foreignClasses.keys()]
  for (const load of Object.values(classes)) {
    const agent = await declared(load)
    if (agent.spec.aliases?.includes(name)) return agent
    spellings.push(...(agent.spec.aliases ?? []))
  }
  const [near] = didYouMean(name, spellings)
  const hint = near ? `did you mean ${near}? ` : ''
  const text = `there is no agent class "${name}": ${hint}there are ${agentClasses.join(', ')}`
  throw new UnknownClassError(text, near !== undefined)
}

async function declared(load: Load): Promise<Agent> {
  // Each declaration has its own types; running it needs none.
  return (await load()).default as Agent
}
