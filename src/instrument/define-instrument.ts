import { z } from 'zod'
import { type Agent, type AgentSpec, type Asking, defineAgent, type OpContext } from '../core/agent.ts'
import { poll } from '../core/poll.ts'
import { Watch } from '../core/watch.ts'
import type { Value } from '../core/wire.ts'
import { addressClaims } from './claims.ts'
import { change, recall } from './registers.ts'
import { type Sampled, sweepOver } from './sweep.ts'
import { blocksOf, type Command, type Getting, type Reading, type Setting } from './table.ts'
import type { Link } from './transport/link.ts'
import { type OpenLineOptions, openLink } from './transport/open.ts'

/** A connected instrument: what was found out about it, and what is read of it. */
export interface Instrument<S> {
  readonly link: Link
  state: S
  readings: readonly Reading[]
  /** When it was connected, unix s. */
  readonly since: number
  /** Changes of what the readings depend on: so far, and under way. A sweep beside one has units of before and after. */
  changes: number
  changing: number
}

/** What a sweep has given, for the data of a session. */
export interface SweepData {
  /** Unix s of the first reading. */
  readonly timestamp: number
  readonly blocks: readonly Sampled[]
  readonly fields: Readonly<Record<string, Value>>
  /** Failed readings so far, by command; what was wrong is told once by its kind. */
  readonly errors: Readonly<Record<string, number>>
  readonly connection: { readonly last_attempt: number; readonly connected: boolean }
}

type Params = Readonly<Record<string, unknown>>

/** ms that an instrument has for a reply by default, and by how much more a lone late one is no news. */
const [TIMEOUT, LATE] = [2000, 500]

/** The process that reads. */
interface Acquiring<A, S> {
  /** `acq` by default. */
  readonly name?: string
  readonly help: string
  readonly params?: Readonly<Record<string, z.ZodType>>
  /** Sweeps in a second, Hz. */
  readonly rate: (args: A, params: Params) => number
  /** Whether it starts with the agent, with which parameters; always by default. */
  readonly startup?: (args: A) => boolean | Params
  /** Which of the readings these parameters want; all by default. */
  readonly choose?: (readings: readonly Reading[], params: Params) => readonly Reading[]
  /** What its session has as data; `SweepData` without `blocks` by default. */
  readonly data?: (sweep: SweepData, state: S) => object
}

/** An instrument as it is declared: a table, and how it is found. */
export interface InstrumentSpec<A extends z.ZodObject, S>
  extends Pick<
    AgentSpec<A, string, Instrument<S>>,
    | 'class'
    | 'aliases'
    | 'help'
    | 'args'
    | 'wiring'
    | 'example'
    | 'retired'
    | 'claims'
    | 'identify'
    | 'label'
    | 'dashboard'
  > {
  /** Its address, as `openLink` takes it. @throws ConfigError when the arguments do not give one */
  readonly address: (args: z.output<A>) => string
  readonly open?: (args: z.output<A>) => OpenLineOptions
  /** Asks it for what its readings depend on; also by the task `init`. @throws TransportError when it is another one */
  readonly survey?: (link: Link, args: z.output<A>, log: (text: string) => void) => Promise<S>
  readonly feed: { readonly name: string; readonly help: string; readonly frame_length?: number }
  readonly readings: readonly Reading[] | ((state: S, args: z.output<A>) => readonly Reading[])
  readonly acq: Acquiring<z.output<A>, S>
  /** The name of the task that takes stock of it anew: `init_lakeshore`. */
  readonly init?: string
  readonly settings?: readonly Setting[]
  readonly gettings?: readonly Getting[]
  readonly commands?: readonly Command[]
  /** Changes what was read before it is published: what its status does not warrant becomes NaN. */
  readonly judge?: (values: Record<string, Value>, state: S) => void
}

// biome-ignore lint/complexity/noBannedTypes: operations of a table have no types of their own
type InstrumentAgent<A extends z.ZodObject, S> = Agent<A, string, Instrument<S>, {}>

/**
 * Declares the agent of an instrument that is a table: a process that reads, a task for each setting, and what else is
 * chained to it with `.task`. One failed reading costs its own fields; a lost instrument is connected to again.
 */
export function defineInstrument<A extends z.ZodObject, S = undefined>(
  spec: InstrumentSpec<A, S>,
): InstrumentAgent<A, S> {
  const {
    address,
    open,
    survey,
    feed,
    readings,
    acq,
    init,
    settings = [],
    gettings = [],
    commands = [],
    judge: _,
    ...declared
  } = spec
  const list = (state: S, args: z.output<A>) =>
    typeof readings === 'function' ? readings(state, args) : readings
  const agent = defineAgent({
    claims: (args) => addressClaims(address(args), args),
    identify: (args, asking) => whoAnswers(address(args), { ...open?.(args) }, asking),
    ...declared,
    feeds: {
      [feed.name]: {
        help: feed.help,
        record: true,
        ...(feed.frame_length && { frame_length: feed.frame_length }),
        blocks:
          typeof readings === 'function'
            ? (instrument: Instrument<S>) => blocksOf(instrument.readings)
            : blocksOf(readings),
      },
    },
    connect: async (args, lab, signal): Promise<Instrument<S>> => {
      const link = await openLink(address(args), { ...open?.(args), signal })
      const stop = () => void link.close()
      signal.addEventListener('abort', stop)
      try {
        const state = (await survey?.(link, args, lab.log)) as S
        return { link, state, readings: list(state, args), since: Date.now() / 1000, changes: 0, changing: 0 }
      } catch (error) {
        await link.close()
        throw error
      } finally {
        signal.removeEventListener('abort', stop)
      }
    },
    idle: (instance) => `waiting for: ocs ctrl start --target=${instance}`,
  })
  const name = acq.name ?? 'acq'
  const testMode = { test_mode: z.boolean().default(false).describe('stop after one sweep') }
  agent.process(
    name,
    {
      help: acq.help,
      params: z.object({ ...acq.params, ...testMode }) as never,
      startup: (acq.startup ?? (() => true)) as never,
    },
    (op) => acquire(spec, op as never),
  )
  /** Asks for what the readings depend on, anew; their fields are declared as they are then. */
  const resurvey: Resurvey = async ({ instrument, args, lab, feeds }, change) => {
    instrument.changing++
    try {
      return await change()
    } finally {
      // Also after a change that failed: it may have been half done.
      try {
        instrument.state = (await survey?.(instrument.link, args as z.output<A>, lab.log)) as S
        instrument.readings = list(instrument.state as S, args as z.output<A>)
        feeds[feed.name]?.redeclare()
      } finally {
        instrument.changing--
        instrument.changes++
      }
    }
  }
  if (init)
    agent.task(
      init,
      {
        help: 'Ask the instrument for its setup anew.',
        params: z.object({ auto_acquire: z.boolean().default(false).describe('start reading afterwards') }),
        startup: (args: z.output<A>) => (args as { mode?: string }).mode === 'init',
      },
      async (op) => {
        const { instrument, params, start } = op
        await resurvey(op as never, async () => {})
        if (params.auto_acquire) start(name)
        return `${instrument.link.identity || instrument.link.name} is initialized.`
      },
    )
  for (const setting of settings) addSetting(agent, setting, resurvey)
  for (const getting of gettings) addGetting(agent, getting)
  for (const { name: task, help, command } of commands)
    agent.task(task, { help }, async ({ instrument }) => {
      await instrument.link.send(command)
      return `${command} is sent.`
    })
  return agent
}

/** Who answers at an address; undefined where nothing tells before it is asked for a reading. */
async function whoAnswers(
  address: string,
  how: OpenLineOptions,
  { timeout, signal }: Asking,
): Promise<string | undefined> {
  const link = await openLink(address, { ...how, timeout, connectTimeout: timeout, signal })
  await link.close()
  if (link.identity) return link.identity
  return /^(udp|snmp|https?|file):/.test(address) ? undefined : `something answers at ${link.name}`
}

/** The process that reads, sweep after sweep. */
async function acquire<A extends z.ZodObject, S>(
  spec: InstrumentSpec<A, S>,
  op: OpContext<Params, object, z.output<A>, Instrument<S>, string>,
): Promise<void> {
  const { params, args, instrument, feeds, session, signal } = op
  const { feed, acq, judge } = spec
  const errors: Record<string, number> = {}
  const told = new Set<string>()
  let latest: SweepData | undefined
  const show = (data: SweepData) => {
    latest = data
    session.set(acq.data ? acq.data(data, instrument.state) : { ...data, blocks: undefined })
  }
  const done = new AbortController()
  const sweep = async () => {
    const { changes } = instrument
    const wanted = acq.choose?.(instrument.readings, params) ?? instrument.readings
    watch.heard()
    const { blocks, read, failed, faults } = await sweepOver(instrument.link, wanted, () => watch.heard())
    watch[Symbol.dispose]()
    if (instrument.changing > 0 || instrument.changes !== changes) return
    for (const [kind, why] of faults) if (!told.has(kind)) session.log(why)
    for (const kind of faults.keys()) told.add(kind)
    for (const command of failed) errors[command] = (errors[command] ?? 0) + 1
    for (const { block, time, values, isEmpty } of blocks) {
      judge?.(values, instrument.state)
      if (!isEmpty) feeds[feed.name]?.publish(block, time, values)
    }
    const timestamp = blocks[0]?.time ?? Date.now() / 1000
    const connection = { last_attempt: timestamp, connected: true }
    const fields = Object.assign({}, ...blocks.map(({ values }) => values)) as Record<string, Value>
    show({ fields, timestamp, errors, connection, blocks })
    const failing = read === 0 && (failed.size > 0 || wanted.length === 0)
    if (failing && !session.degraded) session.log('nothing can be read')
    session.degraded = failing
    if (params['test_mode']) done.abort()
  }
  const patience = (spec.open?.(args).timeout ?? TIMEOUT) + LATE
  using watch = new Watch(patience, () => {
    if (!session.degraded) session.log(`nothing has been read for ${patience / 1000} s`)
    session.degraded = true
  })
  const until = AbortSignal.any([signal, done.signal])
  try {
    await poll(acq.rate(args, params), { session, signal: until }, sweep)
  } catch (error) {
    if (latest) show({ ...latest, connection: { last_attempt: Date.now() / 1000, connected: false } })
    throw error
  }
}

/** What a task for a register needs of its operation. */
type RegisterOp = Pick<
  OpContext<Params, object, unknown, Instrument<unknown>, string>,
  'params' | 'instrument' | 'session' | 'args' | 'lab' | 'feeds'
>
type Resurvey = <T>(
  op: Pick<RegisterOp, 'instrument' | 'args' | 'lab' | 'feeds'>,
  change: () => Promise<T>,
) => Promise<T>

function addSetting<A extends z.ZodObject, S>(
  agent: InstrumentAgent<A, S>,
  setting: Setting,
  resurvey: Resurvey,
): void {
  const { name, help, register, key = {}, params, values = (given: object) => given } = setting
  const run = async (op: RegisterOp) => {
    const { params: given, instrument, session } = op
    const [of, rest] = apart(given, key)
    const wanted = (values as (params: object) => object)(rest)
    const work = () => change(instrument.link, register, of, wanted as never)
    const kept = setting.resurvey ? await resurvey(op, work) : await work()
    session.set(kept)
    const said = Object.keys(wanted).map((value) => `${value} ${kept[value]}`)
    return `${register.name}${of && ` ${of}`}: ${said.join(', ')}.`
  }
  agent.task(name, { help, params: z.object({ ...key, ...params }) as never }, run as never)
}

function addGetting<A extends z.ZodObject, S>(agent: InstrumentAgent<A, S>, getting: Getting): void {
  const { name, help, register, key = {}, values = (found: object) => found } = getting
  const run = async ({ params: given, instrument, session }: RegisterOp) => {
    const [of] = apart(given, key)
    const time = { timestamp: Date.now() / 1000 }
    const found = await recall(instrument.link, register, of)
    session.set({ ...time, ...given, ...(values as (found: object) => object)(found) })
  }
  agent.task(name, { help, params: z.object({ ...key }) as never }, run as never)
}

/** The key of the register, and the parameters that are not. */
function apart(params: Params, key: Params): [of: string, rest: Params] {
  const [chooses] = Object.keys(key)
  const rest = Object.fromEntries(Object.entries(params).filter(([name]) => name !== chooses))
  return [chooses === undefined ? '' : String(params[chooses]), rest]
}
