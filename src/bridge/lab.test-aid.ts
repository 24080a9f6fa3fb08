import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { MemoryHub } from '../bus/memory.ts'
import { type Agent, defineAgent } from '../core/agent.ts'
import type { FeedDeclaration } from '../core/channels.ts'
import type { FeedPublisher } from '../core/feed-spec.ts'
import { pause } from '../core/pause.ts'
import { runAgent } from '../runtime/run-agent.ts'
import { Spool } from '../runtime/spool/spool.ts'

/** Agents that run on a hub in memory, with spools in a temporary folder. */
export interface TestLab extends AsyncDisposable {
  readonly hub: MemoryHub
  readonly lines: string[]
  spool(instance: string): Spool
  run(agent: unknown, instance: string, args: unknown, spool?: Spool): Promise<{ stop(): Promise<void> }>
}

const ROOT = 'observatory'
let sessions = 0

export function testLab(): TestLab {
  const folder = mkdtempSync(join(tmpdir(), 'ocs-lab-'))
  const hub = new MemoryHub()
  const running = new Set<() => Promise<void>>()
  const lines: string[] = []
  return {
    hub,
    lines,
    spool: (instance) => new Spool(join(folder, `${instance}.sqlite`), { recorded: false }),
    async run(given, instance, args, spool) {
      const agent = given as Agent
      const since = Date.now() / 1000
      const agentClass = agent.spec.class
      const session = `s${++sessions}`
      const bus = hub.connect(instance, {
        onBad: (name, why) => lines.push(`${instance}: a message on ${name} was left out: ${why}`),
      })
      const agentRun = await runAgent({
        agent,
        args: agent.spec.args.parse(args),
        identity: { root: ROOT, instance, agentClass, session, since, version: '0' },
        bus,
        spool,
        log: (text) => lines.push(`${instance}: ${text}`),
      })
      const stop = async () => {
        if (!running.delete(stop)) return
        await agentRun.stop()
        await bus[Symbol.asyncDispose]()
      }
      running.add(stop)
      return { stop }
    },
    async [Symbol.asyncDispose]() {
      for (const stop of [...running]) await stop()
      rmSync(folder, { recursive: true })
    },
  }
}

/** An agent with the feeds of a thermometer that publishes what it is told to. */
export function thermometer(channels = 2): {
  readonly agent: unknown
  readonly temperatures: Promise<FeedPublisher>
  readonly extra: Promise<FeedPublisher>
} {
  const { promise, resolve } = Promise.withResolvers<Record<'temperatures' | 'extra', FeedPublisher>>()
  const fields = Array.from({ length: channels }, (_, i) => [
    `Channel_${i + 1}_T`,
    { units: 'K', resolution: 1e-4, rhythm: 10 },
  ])
  const agent = defineAgent({
    class: 'TestThermometer',
    help: 'A thermometer for tests.',
    args: z.object({}),
    feeds: {
      temperatures: { help: 'Temperatures.', record: true, blocks: { temps: Object.fromEntries(fields) } },
      extra: { help: 'More.', record: true, blocks: {} },
    },
    connect: async () => ({}),
  }).process('acq', { help: 'Publish.', startup: true }, async ({ feeds, signal }) => {
    resolve(feeds)
    await new Promise<void>((done) => signal.addEventListener('abort', () => done()))
  })
  return {
    agent,
    temperatures: promise.then((feeds) => feeds.temperatures),
    extra: promise.then((feeds) => feeds.extra),
  }
}

/**
 * Puts `seconds` of data at 10 Hz, up to now, into a spool, one row per sample. Returns the last sample's
 * time.
 */
export async function fill(spool: Spool, seconds: number, channels: number): Promise<number> {
  const names = Array.from({ length: channels }, (_, i) => `Channel_${i + 1}_T`)
  const declaration: FeedDeclaration = {
    agent_class: 'TestThermometer',
    record: true,
    frame_length: 300,
    blocks: {
      temps: Object.fromEntries(names.map((name) => [name, { type: 'double' as const, units: 'K' }])),
    },
  }
  const start = Date.now() / 1000 - seconds
  for (let i = 0; i < seconds * 10; i++) {
    const data = Object.fromEntries(names.map((name, at) => [name, [4 + Math.sin(i / 300 + at) + i / 1e7]]))
    spool.append('temperatures', declaration, { epoch: 'filled', block: 'temps', t: [start + i / 10], data })
    if (i % 1000 === 999) await spool.flush()
  }
  await spool.flush()
  return start + (seconds * 10 - 1) / 10
}

/** Milliseconds between two checks, which leave time for the rest of the lab. */
const LOOK_MS = 10
const { signal: never } = new AbortController()

/** Repeats a request until the result satisfies `enough`; if it never does, the test runner ends the test. */
export async function until<T>(ask: () => Promise<T> | T, enough: (got: T) => boolean): Promise<T> {
  for (;;) {
    const got = await ask()
    if (enough(got)) return got
    await pause(LOOK_MS, never)
  }
}
