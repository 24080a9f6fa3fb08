import { z } from 'zod'
import { type Agent, defineAgent } from '../core/agent.ts'
import { messageOf } from '../core/errors.ts'
import type { Lab } from '../core/lab.ts'
import type { OcsCall, OcsMessage, OcsTopic } from '../core/ocs.ts'
import type { FromProgram, Hello } from './lines.ts'
import { paramsSchema } from './params-schema.ts'
import { type Command, Program } from './program.ts'
import { MOST_FEEDS, ProgramFeeds } from './program-feeds.ts'
import { ProgramGaps } from './program-gaps.ts'
import { ProgramLosses } from './program-losses.ts'
import { ProgramSessions } from './program-sessions.ts'

/** The most calls and subscriptions of a program at a time. */
const [MOST_CALLS, MOST_SUBSCRIPTIONS] = [1000, 1000]

/**
 * A running program as the instrument of its agent: after it ends it is started again, and its processes
 * continue.
 */
interface Running {
  readonly link: { readonly closed: AbortSignal; close(): Promise<void> }
  readonly sessions: ProgramSessions
}

/**
 * An agent that is a separate program: started by a command, controlled through lines, and declared by the
 * program itself.
 * @param first the program as started to get its declaration; started again each time that it ends
 */
export function programAgent(agentClass: string, command: () => Command, first: Program): Agent {
  const { hello } = first
  const feeds = new ProgramFeeds()
  const losses = new ProgramLosses()
  const gaps = hello.stays ? new ProgramGaps() : undefined
  let next: Program | undefined = first
  const agent = defineAgent({
    class: agentClass,
    help: hello.help,
    args: z.object({}),
    opensFeeds: true,
    feeds: feedsOf(hello, feeds),
    async connect(_, lab, signal): Promise<Running> {
      const program = next ?? (await Program.start(command(), lab.log, signal))
      const isAgain = next === undefined
      next = undefined
      const running = listen(program, { feeds, losses, gaps }, lab)
      if (isAgain) beginTasks(hello, lab)
      return running
    },
  })
  let built = agent as unknown as Agent
  for (const [name, { kind, help, params, startup, min_privs }] of Object.entries(hello.ops)) {
    const options = {
      help,
      params: paramsSchema(params),
      startup: () => startup,
      min_privs: min_privs as 1 | 2 | 3,
    }
    built = built[kind](name, options as never, (op) =>
      (op.instrument as unknown as Running).sessions.run(name, kind, op.params, op.session, op.signal),
    ) as unknown as Agent
  }
  return built
}

function feedsOf({ feeds: declared }: Hello, feeds: ProgramFeeds) {
  return Object.fromEntries(
    Object.entries(declared).map(([name, kind]) => {
      feeds.declare(name, kind)
      return [name, feeds.spec(name)]
    }),
  )
}

/** What outlives a program's process. */
interface Kept {
  readonly feeds: ProgramFeeds
  readonly losses: ProgramLosses
  /** For a program whose agent continues without it. */
  readonly gaps: ProgramGaps | undefined
}

function listen(program: Program, { feeds, losses, gaps }: Kept, lab: Lab): Running {
  losses.begin(program.hello, lab)
  gaps?.begin(lab)
  const sessions = new ProgramSessions(program)
  let taken = 0
  let isNew = false
  let isAnswering = false
  let calls = 0
  let subscriptions = 0
  /** Rows are answered once they are on disk; all rows that came meanwhile are answered together. */
  const answer = async () => {
    if (isAnswering) return
    isAnswering = true
    while (isNew) {
      isNew = false
      const upTo = taken
      await lab.handOver.committed()
      program.answer(upTo)
    }
    isAnswering = false
  }
  const came = (number: number) => {
    taken = number
    isNew = true
    losses.took(number)
    void answer()
  }
  const leaveOut = (why: string, number?: number) => {
    losses.leftOut(why, lab)
    if (number !== undefined) came(number)
  }
  const isTooMany = (line: object) => 'feed' in line && !feeds.hasRoom(String(line.feed))
  const take = (line: Exclude<FromProgram, { hello: Hello }>) => {
    if (isTooMany(line)) leaveOut(`there are ${MOST_FEEDS} feeds`, 'row' in line ? line.row : undefined)
    else if ('row' in line) {
      gaps?.took(line.feed, line.t, lab)
      feeds.take(line, lab)
      came(line.row)
    } else if ('session' in line) {
      const { op } = line.session
      if (!Object.hasOwn(program.hello.ops, op)) leaveOut('there is no operation of that name')
      else if (sessions.take(line.session)) begin(op, {}, lab)
    } else if ('declared' in line) feeds.declare(line.feed, line.declared)
    else if ('message' in line) lab.handOver.feed(line.feed, () => feeds.spec(line.feed)).send(line.message)
    else if ('call' in line) {
      if (calls >= MOST_CALLS) program.tell({ called: line.call, error: `${MOST_CALLS} calls are under way` })
      else {
        calls++
        void call(program, line, lab).finally(() => calls--)
      }
    } else if ('subscribe' in line) {
      if (++subscriptions > MOST_SUBSCRIPTIONS) leaveOut(`there are ${MOST_SUBSCRIPTIONS} subscriptions`)
      else void subscribe(program, line, lab)
    } else if ('lost' in line) losses.refused(line.lost, lab)
  }
  program.listen({
    log: lab.log,
    line: (line) => ('why' in line ? leaveOut(line.why, line.number) : take(line)),
  })
  return { sessions, link: { closed: program.closed, close: () => program.close() } }
}

async function call(
  program: Program,
  { call: number, ...wanted }: OcsCall & { readonly call: number },
  lab: Lab,
) {
  try {
    program.tell({ called: number, result: await lab.handOver.call(wanted) })
  } catch (error) {
    program.tell({ called: number, error: messageOf(error) })
  }
}

async function subscribe(
  program: Program,
  { subscribe: number, ...topic }: OcsTopic & { readonly subscribe: number },
  lab: Lab,
) {
  let isSlow = false
  const heard = (message: OcsMessage) => {
    const isTaken = program.offer({ heard: number, message })
    if (!isTaken && !isSlow)
      lab.event('warning', 'slow', `the program reads too slowly: some of ${topic.topic} is not passed to it`)
    isSlow = !isTaken
  }
  try {
    const subscription = await lab.handOver.listen(topic, heard)
    program.closed.addEventListener('abort', () => void subscription[Symbol.asyncDispose]())
    if (program.closed.aborted) await subscription[Symbol.asyncDispose]()
  } catch (error) {
    lab.log(`${topic.topic}: ${messageOf(error)}`)
  }
}

/** Start-up tasks start again with each start of the program; its processes continue by themselves. */
function beginTasks({ ops }: Hello, lab: Lab): void {
  for (const [name, { kind, startup }] of Object.entries(ops))
    if (kind === 'task' && startup !== false) begin(name, startup === true ? {} : startup, lab)
}

function begin(op: string, params: Readonly<Record<string, unknown>>, lab: Lab): void {
  try {
    lab.handOver.start(op, params)
  } catch (error) {
    lab.log(`${op}: ${messageOf(error)}`)
  }
}
