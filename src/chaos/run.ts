import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { connectMqtt, reached } from '../bus/mqtt.ts'
import { TimeoutError } from '../core/errors.ts'
import { findCredentials } from '../principals/credentials.ts'
import { type ChaosResult, judgeRun, keepEvidence } from './evidence.ts'
import { isFault, type Strike } from './fault-event.ts'
import { strikeAll } from './fault-injector.ts'
import { finish } from './finish.ts'
import { ChaosLab } from './lab.ts'
import { ROOT } from './lab-roles.ts'
import type { ChosenBroker } from './other-broker.ts'
import { REALM } from './places.ts'
import type { ReadFiles } from './read-files.ts'
import { seenBack } from './recovery.ts'
import { utc, watchClock } from './unix-seconds.ts'
import { Watch } from './watch.ts'

/** Seconds the lab has to get going, on a machine that may be very busy. */
const START_SECONDS = 180
/** Milliseconds between two words on how it goes. */
const TELL_MS = 1000
/** Seconds by which this machine's clock may be set meanwhile. */
const SET_SECONDS = 0.1

export interface ChaosOptions {
  /** Where the lab writes; all of it stays. */
  readonly dir: string
  readonly seed: number
  readonly seconds: number
  /** Faults at most, seconds from one to the next on average, and their names. */
  readonly count: number
  readonly every: number
  readonly faults: readonly string[]
  /** Whether data and state lie on disks of their own, which can be made full. */
  readonly smallDisks: boolean
  /** The library that sets the clock of all processes, where it is to be set. */
  readonly faketime: string | undefined
  /** A broker of others in place of the hub. */
  readonly broker: ChosenBroker | undefined
  /** Ends the faults early; what there is, is judged all the same. */
  readonly signal: AbortSignal
  readonly read: ReadFiles
  progress(now: Progress): void
}
/** Where a run is. */
export interface Progress {
  readonly stage: 'starting' | 'striking' | 'recording the rest' | 'stopping' | 'judging'
  /** Seconds of faults so far, faults, and readings seen live. */
  readonly passed: number
  readonly strikes: number
  readonly seen: number
}

/** Runs a lab under faults and judges what it recorded. @throws TimeoutError when the lab does not get going */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { dir, seed, smallDisks, faketime, broker, signal } = options
  const clockSet = watchClock()
  const deaths: string[] = []
  const strikes: Strike[] = []
  const note = (what: unknown) => appendFileSync(join(dir, 'faults.jsonl'), `${JSON.stringify(what)}\n`)
  options.progress({ stage: 'starting', passed: 0, strikes: 0, seen: 0 })
  await using lab = await ChaosLab.open({
    dir,
    seed,
    smallDisks,
    faketime,
    broker,
    onDeath: ({ name, process }, how) => {
      const log = join(dir, 'log', `${name}.log`)
      deaths.push(`${name} (pid ${process?.pid}) ended by itself (${how}): see ${log}`)
      note({ fault: 'died by itself', target: name, begin: utc(), how })
    },
  })
  await using bus = connectMqtt({
    url: lab.hubUrl,
    client: 'chaos',
    credentials: ({ url }) => findCredentials({ url, realm: REALM, broker: lab.keys, env: process.env }),
  })
  await reached(bus, lab.hubUrl, START_SECONDS)
  const agents = lab.instruments.map(({ agent }) => agent)
  const watch = await Watch.open(bus, ROOT, agents)
  let stage: Progress['stage'] = 'starting'
  let began = performance.now()
  const tell = (now = stage) => {
    stage = now
    const seen = agents.reduce((sum, agent) => sum + (watch.live.get(agent)?.size ?? 0), 0)
    const passed = (performance.now() - began) / 1000
    options.progress({ stage, passed, strikes: strikes.filter(isFault).length, seen })
  }
  using _ticker = every(TELL_MS, tell)
  strikes.push(...(await gotGoing(lab, watch, signal)))
  began = performance.now()
  tell('striking')
  await strikeAll(lab, strikes, {
    ...options,
    seenBack: (strike, late) => seenBack(lab, watch, strike, late),
    done: note,
  })
  tell('recording the rest')
  const troubles = await finish(bus, ROOT, agents, watch, strikes)
  const set = clockSet()
  if (Math.abs(set) > SET_SECONDS)
    troubles.push(
      `this machine’s clock was set by ${set.toFixed(3)} s meanwhile, so times prove nothing: run again`,
    )
  tell('stopping')
  await lab.stop()
  await lab.disks?.data.takeAway()
  await lab.disks?.state.takeAway()
  tell('judging')
  keepEvidence(dir, {
    ...{ strikes, deaths, troubles, steps: lab.clock?.steps ?? [] },
    agents: lab.instruments.map(({ agent, reads }) => ({
      ...{ agent, reads },
      live: [...(watch.live.get(agent) ?? [])],
    })),
  })
  return await judgeRun(dir, options.read)
}

/** Waits until every agent reads, something is recorded, and node and bridge answer: the first strike of each agent. */
async function gotGoing(lab: ChaosLab, watch: Watch, signal: AbortSignal): Promise<Strike[]> {
  const begin = utc()
  const late = AbortSignal.any([signal, AbortSignal.timeout(START_SECONDS * 1000)])
  const up = await Promise.all([
    ...lab.instruments.map(({ agent }) => watch.rowOf(agent, late)),
    ...['recorder', 'data node'].map((kind) => seenBack(lab, watch, { kind, target: '' }, late)),
  ])
  if (!signal.aborted && up.includes(false))
    throw new TimeoutError(`the lab did not start in ${START_SECONDS} s: see the logs in ${lab.dir}/log`)
  return lab.instruments.map(({ agent }) => ({
    ...{ fault: 'start', target: agent, kind: 'agent' },
    ...{ begin, end: begin, back: undefined },
  }))
}

function every(ms: number, what: () => void): Disposable {
  const timer = setInterval(what, ms)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
