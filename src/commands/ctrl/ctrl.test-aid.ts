import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, type Readable } from 'node:stream'
import { ownClock } from '../../../test/own-clock.ts'
import fakeData from '../../agents/fake-data.ts'
import { testHub } from '../../broker/hub.test-aid.ts'
import { connectMqtt, reached } from '../../bus/mqtt.ts'
import type { Agent } from '../../core/agent.ts'
import type { LabSite } from '../../core/lab.ts'
import { type Caller, caller } from '../../lab/request-client.ts'
import { type Identity, willOf } from '../../runtime/identity.ts'
import { runAgent } from '../../runtime/run-agent.ts'
import type { Spool } from '../../runtime/spool/spool.ts'
import type { Context } from '../../terminal/context.ts'
import { run } from '../program.ts'

const ROOT = 'observatory'
/** Seconds: longer than the test runner waits. */
const PATIENCE = 3600

/** A command line that runs, with what it has printed. */
export interface CommandLine {
  /** The exit code. */
  readonly code: Promise<number>
  out(): string
  err(): string
  /** Resolves once standard output or error holds the text. */
  says(text: string): Promise<void>
  /** Presses Ctrl-C. */
  interrupt(): void
  /** As TERM does. */
  terminate(): void
  /** What the command reads. */
  readonly input: PassThrough
  /** Closes the pipe that reads standard output. */
  close(): void
}
interface How {
  /** Standard input and error are a terminal. */
  readonly terminal?: boolean
  readonly columns?: number
  /** The state folder, of which each account has its own. */
  readonly state?: string
  /** What its environment has besides. */
  readonly env?: Readonly<Record<string, string>>
}

/** A hub on a free port with declared agents, and a command line to it. */
export interface TestLab extends AsyncDisposable {
  readonly url: string
  /** Where accounts have their state folders. */
  readonly folder: string
  readonly ask: Caller
  start(
    instance: string,
    args?: Record<string, unknown>,
    agent?: unknown,
    site?: LabSite,
    spool?: Spool,
  ): Promise<{ stop(): Promise<void> }>
  /** Runs `ocs …` and resolves when it is over. */
  ocs(...argv: string[]): Promise<{ code: number; out: string; err: string }>
  /** Begins `ocs …`. */
  begin(argv: readonly string[], how?: How): CommandLine
}

/** @param alone no other process takes part, so that time may pass as slowly as this one is run */
export async function commandLab({ alone = true } = {}): Promise<TestLab> {
  const clock = alone ? ownClock() : undefined
  const folder = mkdtempSync(join(tmpdir(), 'ocs-lab-'))
  const { hub } = await testHub()
  const url = hub.urls.mqtt
  const running = new Set<() => Promise<void>>()
  const bus = connectMqtt({ url, client: 'test' })
  await reached(bus, url, PATIENCE)
  const ask = await caller(bus, ROOT)
  const begin = (argv: readonly string[], how?: How) => {
    const [name = '', sub = '', ...rest] = argv
    return commandLine([name, sub, '--site-hub', url, ...rest], { state: join(folder, 'maya'), ...how })
  }
  return {
    url,
    folder,
    ask,
    begin,
    async ocs(...argv) {
      const line = begin(argv)
      return { code: await line.code, out: line.out(), err: line.err() }
    },
    async start(instance, args = {}, declaration = fakeData, site = undefined, spool = undefined) {
      const agent = declaration as Agent
      const identity: Identity = {
        root: ROOT,
        instance,
        agentClass: agent.spec.class,
        session: crypto.randomUUID(),
        since: Date.now() / 1000,
        version: '0',
      }
      const own = connectMqtt({ url, client: instance, will: willOf(identity) })
      await reached(own, url, PATIENCE)
      const agentRun = await runAgent({
        agent,
        args: agent.spec.args.parse(args),
        identity,
        bus: own,
        site,
        spool,
        log: () => {},
      })
      const stop = async () => {
        if (!running.delete(stop)) return
        await agentRun.stop()
        await own[Symbol.asyncDispose]()
      }
      running.add(stop)
      return { stop }
    },
    async [Symbol.asyncDispose]() {
      for (const stop of [...running]) await stop()
      await bus[Symbol.asyncDispose]()
      await hub.close()
      rmSync(folder, { recursive: true })
      clock?.[Symbol.dispose]()
    },
  }
}

/** Runs a command line in this process with streams of its own. */
export function commandLine(
  argv: readonly string[],
  { terminal = false, columns = 200, state = '/nowhere', env = {} }: How = {},
): CommandLine {
  let out = ''
  let err = ''
  const waiting = new Set<() => void>()
  const heard = () => {
    for (const check of [...waiting]) check()
  }
  const stop = new AbortController()
  const unread = new AbortController()
  const interrupted: (() => void)[] = []
  const input = new PassThrough()
  const context: Context = {
    signal: stop.signal,
    unread: unread.signal,
    env: {
      OCS_STATE_DIR: state,
      HOME: join(state, 'home'),
      XDG_STATE_HOME: join(state, 'home'),
      XDG_CONFIG_HOME: join(state, 'config'),
      ...env,
    },
    input: Object.assign(input as Readable, { isTTY: terminal }),
    out(text) {
      out += text
      heard()
    },
    err(text) {
      err += text
      heard()
    },
    terminal,
    size: () => ({ columns, rows: 24 }),
    onInterrupt(listener) {
      interrupted.push(listener)
      return { [Symbol.dispose]: () => void interrupted.splice(interrupted.lastIndexOf(listener), 1) }
    },
  }
  return {
    code: run(argv, context),
    out: () => out,
    err: () => err,
    says: (text) =>
      new Promise((resolve) => {
        const check = () => {
          if (!out.includes(text) && !err.includes(text)) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      }),
    interrupt() {
      const listener = interrupted.at(-1)
      if (listener) listener()
      else stop.abort()
    },
    terminate: () => stop.abort(),
    input,
    close: () => unread.abort(),
  }
}
