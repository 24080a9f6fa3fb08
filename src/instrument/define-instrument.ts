import { z } from 'zod'
import { type Agent, defineAgent, type IdentifyOptions, type OpSpec } from '../core/agent.ts'
import { counted } from '../core/counted.ts'
import { acquire } from './acquire.ts'
import { checkReadings, checkSpec } from './check-spec.ts'
import { addressClaims } from './claims.ts'
import { FirstAnswer } from './first-answer.ts'
import type { AnySpec, Instrument, InstrumentSpec, SweepData } from './instrument-spec.ts'
import { addGetting, addSetting, type Resurvey } from './register-tasks.ts'
import { blocksOf } from './table.ts'
import { type OpenLineOptions, openLink } from './transport/open.ts'

/** For functions beside the tasks of a custom agent. */
export type { Instrument } from './instrument-spec.ts'

const testMode = { test_mode: z.boolean().default(false).describe('stop after one sweep') }
const afterInit = {
  auto_acquire: z.boolean().default(false).describe('start reading afterwards'),
}

/** The operations of a table that have their own types. */
type Operations<N extends string, P extends z.ZodRawShape, D extends object, I extends string> = Readonly<
  Record<N, OpSpec<z.ZodObject<P & typeof testMode>, z.ZodType<D>>> &
    Record<I, OpSpec<z.ZodObject<typeof afterInit>, z.ZodType>>
>

/**
 * Declares the agent of an instrument that is described by a table: a process that reads, a task for each
 * setting, and whatever is chained to it with `.task`. A failed reading loses only its own fields; a lost
 * instrument is connected again.
 * @throws ConfigError for an invalid table: a misspelt key, an impossible range
 */
export function defineInstrument<
  A extends z.ZodObject,
  F extends string,
  S = undefined,
  N extends string = 'acq',
  // biome-ignore lint/complexity/noBannedTypes: no parameters
  P extends z.ZodRawShape = {},
  D extends object = Omit<SweepData, 'blocks'>,
  I extends string = never,
>(spec: InstrumentSpec<A, S, F, N, P, D, I>): Agent<A, F, Instrument<S>, Operations<N, P, D, I>> {
  checkSpec(spec as never)
  const {
    address,
    open,
    survey,
    feed,
    readings,
    typical,
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
  // The rhythm of the process survives lost connections, since fields that are declared otherwise would begin
  // an epoch.
  const rhythms = new WeakMap<object, number>()
  const agent = defineAgent<A, string, Instrument<S>>({
    claims: (args) => {
      const at = address(args)
      return typeof at === 'string' ? addressClaims(at, args) : []
    },
    identify: async (args, asking) => {
      const at = address(args)
      const commands = typeof readings === 'function' ? [] : readings.map(({ command }) => command)
      return whoAnswers(
        typeof at === 'string' ? at : await at(asking.signal),
        { ...open?.(args) },
        asking,
        commands,
      )
    },
    ...declared,
    feeds: {
      [feed.name]: {
        help: feed.help,
        record: true,
        ...(feed.frame_length && { frame_length: feed.frame_length }),
        blocks:
          typeof readings === 'function'
            ? (instrument: Instrument<S>) => {
                checkReadings(spec.class, instrument.readings)
                return blocksOf(instrument.readings)
              }
            : blocksOf(readings),
        ...(typical && { typical: blocksOf(typical) }),
        rhythm: (instrument: Instrument<S>) => instrument.rhythm,
      },
    },
    connect: async (args, lab, signal): Promise<Instrument<S>> => {
      const given = address(args)
      const at = typeof given === 'string' ? given : await given(signal)
      const how = open?.(args)
      const first = new FirstAnswer()
      const link = await openLink(at, { ...how, onExchange: first.hear(how?.onExchange), signal })
      const stop = () => void link.close()
      signal.addEventListener('abort', stop)
      try {
        const state = (await survey?.(link, args, lab.log, undefined)) as S
        const instrument: Instrument<S> = {
          ...{ link, state, rhythm: rhythms.get(lab) ?? rhythmOf(acq, args), changes: 0, changing: 0 },
          get readings() {
            return list(instrument.state, args)
          },
        }
        // Reading files would consume their lines, so `last` is asked instead.
        const commands = at.startsWith('file:') ? ['last'] : instrument.readings.map(({ command }) => command)
        await first.ask(link, commands)
        return instrument
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
  agent.process(
    name,
    {
      help: acq.help,
      params: z.object({ ...acq.params, ...testMode }) as never,
      startup: (acq.startup ?? (() => true)) as never,
    },
    (op) => {
      const { args, params, instrument, lab, feeds } = op
      instrument.rhythm = 1 / acq.rate(args, params as never)
      rhythms.set(lab, instrument.rhythm)
      feeds[feed.name]?.redeclare()
      return acquire(spec as AnySpec<A, S>, op as never)
    },
  )
  /** Surveys again what the readings depend on; the fields are then declared accordingly. */
  const resurvey: Resurvey = async ({ instrument, args, lab, feeds }, change) => {
    instrument.changing++
    try {
      return await change()
    } finally {
      // Also after a failed change, which may have been half done.
      try {
        const { link, state } = instrument
        instrument.state = (await survey?.(link, args as z.output<A>, lab.log, state as S)) as S
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
        help: 'Read the setup of the instrument again.',
        params: z.object(afterInit),
        startup: (args: z.output<A>) => (args as { mode?: string }).mode === 'init',
      },
      async (op) => {
        const { instrument, params, start } = op
        await resurvey(op as never, async () => {})
        if (params.auto_acquire) start(name)
        const { link, readings: read } = instrument
        const fields = Object.values(blocksOf(read)).flatMap(Object.keys)
        return `${link.identity || link.name}: ${counted(fields.length, 'field is', 'fields are')} read.`
      },
    )
  for (const setting of settings) addSetting(agent, setting, resurvey)
  for (const getting of gettings) addGetting(agent, getting)
  for (const { name: task, help, command } of commands)
    agent.task(task, { help }, async ({ instrument }) => {
      await instrument.link.send(command)
      return `${command} is sent.`
    })
  return agent as never
}

/**
 * Seconds between two sweeps of the process as it starts with the agent; undefined if it needs more
 * parameters.
 */
function rhythmOf<A extends z.ZodObject>(
  { params = {}, startup, rate }: AnySpec<A, never>['acq'],
  args: z.output<A>,
): number | undefined {
  const given = startup?.(args)
  const { data } = z.object(params).safeParse(typeof given === 'object' ? given : {})
  return data && 1 / rate(args, data)
}

/** Maximum number of commands that `ocs check` tries, so as not to wait for long. */
const TRIES = 3

/**
 * The identity of what answers at an address, asking the commands if needed; undefined if that is impossible.
 */
async function whoAnswers(
  address: string,
  how: OpenLineOptions,
  { timeout, signal }: IdentifyOptions,
  commands: readonly string[],
): Promise<string | undefined> {
  const link = await openLink(address, { ...how, timeout, connectTimeout: timeout, signal })
  try {
    if (link.identity) return link.identity
    const provesNothing = /^(udp|snmp|https?|file):/.test(address)
    if (provesNothing && (commands.length === 0 || address.startsWith('file:'))) return undefined
    if (provesNothing) await new FirstAnswer().ask(link, commands.slice(0, TRIES))
    return `something answers at ${link.name}`
  } finally {
    await link.close()
  }
}
