import { tmpdir } from 'node:os'
import { MemoryHub } from '../src/bus/memory.ts'
import type { Agent } from '../src/core/agent.ts'
import { channels, type FeedDeclaration, type Row } from '../src/core/channels.ts'
import type { Action, OpSession, Outcome } from '../src/core/ops.ts'
import { caller } from '../src/lab/request-client.ts'
import { runAgent } from '../src/runtime/run-agent.ts'
import { conditions } from './conditions.ts'

/** A declared agent on a hub in memory, as a test sees it. */
export interface Running extends AsyncDisposable {
  readonly rows: Row[]
  readonly log: string[]
  /** The feeds as last declared, by name. */
  readonly declared: Map<string, FeedDeclaration>
  /** The latest session of an operation. */
  session(op: string): OpSession | undefined
  /** Resolves once a condition holds; it is checked whenever a row, a line or a session comes. */
  until(condition: () => boolean): Promise<void>
  /** Runs a task to its end. */
  task(op: string, params?: Record<string, unknown>): Promise<OpSession>
  /** Starts a process. */
  begin(op: string, params?: Record<string, unknown>): Promise<Outcome>
  /** Requests an action of an operation: stop, abort, …. */
  act(op: string, action: Action): Promise<Outcome>
  /** The values of a field so far. */
  column(field: string): unknown[]
}

/** Seconds that a task may take: longer than a test runner waits. */
const PATIENCE = 3600

/** Runs a declaration with arguments as in a site file. */
export async function startAgent(declaration: unknown, given: Record<string, unknown>): Promise<Running> {
  const agent = declaration as Agent
  const hub = new MemoryHub()
  const rows: Row[] = []
  const log: string[] = []
  const declared = new Map<string, FeedDeclaration>()
  const sessions = new Map<string, OpSession>()
  const { look, until } = conditions()
  const test = hub.connect('test')
  await test.subscribe(channels.session, { root: 'observatory' }, (session, { op }) => {
    sessions.set(op, session)
    look()
  })
  const ask = await caller(test, 'observatory')
  const running = await runAgent({
    agent,
    args: agent.spec.args.parse(given),
    identity: {
      root: 'observatory',
      instance: 'it',
      agentClass: agent.spec.class,
      session: crypto.randomUUID(),
      since: 1,
      version: '0',
    },
    bus: hub.connect('it'),
    filesDir: tmpdir(),
    log: (text) => {
      log.push(text)
      look()
    },
    onRows: (feed, declaration, more) => {
      declared.set(feed, declaration)
      rows.push(...more)
      look()
    },
  })
  return {
    rows,
    log,
    declared,
    session: (op) => sessions.get(op),
    until,
    async task(op, params = {}) {
      const { status, msg } = await ask.request('it', op, 'start', params)
      if (status !== 0) throw new Error(msg)
      return (await ask.request('it', op, 'wait', {}, PATIENCE)).session as OpSession
    },
    begin: (op, params = {}) => ask.request('it', op, 'start', params),
    act: (op, action) => ask.request('it', op, action),
    column: (field) => rows.flatMap(({ data }) => data[field] ?? []),
    async [Symbol.asyncDispose]() {
      await running.stop()
    },
  }
}
