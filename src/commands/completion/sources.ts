import type { Bus } from '../../bus/bus.ts'
import { AlarmsAnswer, WATCH } from '../../core/alarms.ts'
import { OWN } from '../../host/role-logs.ts'
import { findUp } from '../../host/up-state.ts'
import { catalogOf, metricsNamed } from '../../lab/catalog.ts'
import type { LabView } from '../../lab/lab-view.ts'
import { findNodes } from '../../lab/nodes.ts'
import { caller } from '../../lab/request-client.ts'
import type { SiteOptions } from '../../launch/choose-site.ts'
import { defaultDataDir } from '../../launch/places.ts'
import { statePath } from '../../machine/state-path.ts'
import { spoolsIn } from '../../runtime/spool/spool-files.ts'
import { Archive } from '../../storage/archive/archive.ts'
import { indexPath } from '../../storage/archive/archive-index-file.ts'
import type { Context } from '../../terminal/context.ts'
import type { Candidate } from '../complete.ts'

/** The flags of a command line that say where to look. */
export interface Places extends SiteOptions {
  readonly stateDir?: string
  readonly dataDir?: string
}
/** The running lab, as far as its hub has announced it. */
export interface Reached {
  readonly bus: Bus
  readonly root: string
  readonly lab: LabView
}
/** The context of an argument: the arguments before it, and where to look. */
export interface Asked {
  readonly args: readonly string[]
  readonly places: Places
  readonly context: Context
  readonly signal: AbortSignal
}

const plain = (words: Iterable<string>): Candidate[] => [...words].map((word) => ({ word, help: '' }))

/** Candidates for an argument by command, from files of this machine. */
export const onDisk: Readonly<Record<string, (asked: Asked) => Promise<Candidate[]> | Candidate[]>> = {
  logs: ({ args, places, context }) => {
    if (args.length > 0) return []
    const { roles } = findUp(places, context).state
    return [
      ...roles.map(({ name, state }) => ({ word: name, help: state })),
      { word: OWN, help: 'ocs up itself' },
    ]
  },
  export: recorded,
  'spool show': spools,
  'spool drain': spools,
}

/** The same of the lab that runs. */
export const inLab: Readonly<
  Record<string, (on: Reached, asked: Asked) => Promise<Candidate[]> | Candidate[]>
> = {
  plot: plotted,
  'hub forget': ({ lab }) => [...lab.instances].map(([word, { state }]) => ({ word, help: state })),
  'ctrl alarms ack': alarms,
  'ctrl alarms silence': alarms,
  'ctrl alarms unsilence': alarms,
}

function spools({ args, places, context }: Asked): Candidate[] {
  if (args.length > 0) return []
  return plain(spoolsIn(statePath(places.stateDir, context.env)).map(({ instance }) => instance))
}

/** Fields that are recorded, as the index has them; one that is new to it is read as far as there is time. */
async function recorded({ places, context, signal }: Asked): Promise<Candidate[]> {
  const dir = places.dataDir ?? defaultDataDir(context.env)
  using archive = new Archive(dir, indexPath(statePath(places.stateDir, context.env), dir))
  if (archive.fields().length === 0) await archive.rescan(signal)
  return plain(archive.fields().map(({ label }) => label))
}

/** What can be plotted: data nodes and agents, then the fields of the one given. */
async function plotted({ bus, root, lab }: Reached, { args: [name] }: Asked): Promise<Candidate[]> {
  await using nodes = await findNodes({ bus, root, lab }, () => {})
  const all = await catalogOf(nodes).all()
  if (name !== undefined)
    return metricsNamed(all, name, nodes, root).map(({ field, about }) => ({
      word: field,
      help: about.units ?? '',
    }))
  const served = new Set(all.map(({ node }) => node))
  const read = [...lab.instances.keys()].filter((instance) =>
    all.some(({ about }) => about.source?.startsWith(`${root}.${instance}.feeds.`)),
  )
  return [...new Set([...read, ...served])].map((word) => ({ word, help: '' }))
}

/** Alarms that are watched, with their state. */
async function alarms({ bus, root, lab }: Reached, { args }: Asked): Promise<Candidate[]> {
  if (args.length > 0) return []
  const agents = [...lab.instances].filter(
    ([, { api, state }]) => state === 'online' && api?.queries[WATCH.query] !== undefined,
  )
  await using ask = await caller(bus, root)
  const answers = await Promise.all(
    agents.map(async ([agent]) => AlarmsAnswer.parse(await ask.query(agent, WATCH.query, {}))),
  )
  const found = answers.flatMap((answer) => answer.alarms)
  return [
    ...found.map(({ name, state }) => ({ word: name, help: state })),
    { word: 'all', help: 'every alarm' },
  ]
}
