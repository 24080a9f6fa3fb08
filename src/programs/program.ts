import { spawn } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { closeSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { messageOf, TransportError } from '../core/errors.ts'
import { pause } from '../core/pause.ts'
import { hurry, SteppedPipe } from '../machine/stepped-pipe.ts'
import { type FromProgram, type Hello, type LeftOut, readLine, type ToProgram, tooLong } from './lines.ts'
import { readLines } from './read-lines.ts'
import { Unanswered } from './unanswered.ts'

/**
 * Milliseconds that a program has to declare itself; Python reads many files first, for a minute on a busy
 * machine.
 */
const HELLO_MS = 180_000
/** Milliseconds that it has to end by itself before it is killed. */
const PATIENCE_MS = 15_000

/** Milliseconds after its end in which its last lines may still come. */
const LAST_LINES_MS = 1000

/** Milliseconds after a request in which its output is checked frequently. */
const ANSWER_MS = 2000
/** Bytes queued for a slow program before messages of its subscriptions are dropped. */
const MOST_BYTES = 8 << 20
/** The longest line of its log, in bytes. */
const LOG_LINE = 1 << 16
/** The most lines before its declaration. */
const EARLY = 1000
/** OCS's own lines already contain a time. */
const STAMP = /^\d{4}-\d\d-\d\dT[\d:.+-]+ /

/** A line after the first. */
type Line = Exclude<FromProgram, { hello: Hello }> | LeftOut

/** The parts of a program's process that are used here. */
interface Child extends Pick<EventEmitter, 'on'> {
  readonly pid?: number | undefined
  readonly stdin: Writable | null
  readonly stdout: Readable | null
  readonly stderr: Readable | null
}

/** How a program is started. */
export interface Command {
  readonly words: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}
/** Handlers for a program's lines. */
export interface Heard {
  line(line: Line): void
  log(text: string): void
}

/**
 * A running program that communicates by lines. It has its own process group, and ends with its standard
 * input.
 */
export class Program {
  readonly hello: Hello
  readonly #child: Child
  readonly #closed: AbortController
  readonly #unanswered: Unanswered
  readonly #answers = new Map<number, (answer: { status: number; msg: string }) => void>()
  #requests = 0
  /** The receiver of its lines; earlier lines wait. */
  #heard: Heard | undefined
  readonly #early: Line[] = []

  private constructor(child: Child, hello: Hello, closed: AbortController, unanswered: Unanswered) {
    this.#child = child
    this.#unanswered = unanswered
    this.hello = hello
    this.#closed = closed
  }

  /**
   * Starts a program and waits for its declaration.
   * @param log gets its standard error
   * @throws TransportError when it ends first, or takes too long
   */
  static async start(
    { words, env }: Command,
    log: (text: string) => void,
    signal?: AbortSignal,
  ): Promise<Program> {
    const [command = '', ...args] = words
    const out = new SteppedPipe()
    const child = spawn(command, args, {
      stdio: ['pipe', out.writer, 'pipe'],
      detached: true,
      env: { ...process.env, ...env },
    })
    closeSync(out.writer)
    const { pid, stdin, stderr } = child
    return await Program.#meet(
      { pid, stdin, stdout: out, stderr, on: child.on.bind(child) },
      command,
      log,
      signal,
    )
  }

  /**
   * Connects to the program that has started this process, over this process's own standard input and output.
   * @param left the file for rows that it could not hand over
   * @throws TransportError when it ends before its declaration, or takes too long
   */
  static async attach(left: string, log: (text: string) => void, signal?: AbortSignal): Promise<Program> {
    const child = Object.assign(new EventEmitter(), {
      stdin: process.stdout,
      stdout: process.stdin,
      stderr: null,
    })
    process.stdin.once('end', () => child.emit('exit', 0, null))
    child.stdin.write(`${JSON.stringify({ do: 'begin', left } satisfies ToProgram)}\n`)
    return await Program.#meet(child, 'the program', log, signal)
  }

  static async #meet(
    child: Child,
    command: string,
    log: (text: string) => void,
    signal?: AbortSignal,
  ): Promise<Program> {
    const closed = new AbortController()
    const hello = Promise.withResolvers<Hello>()
    let program: Program | undefined
    let last = ''
    /** Lines that come together with the first. */
    const early: Line[] = []
    child.stdin?.on('error', () => {})
    const logLine = (line: string) => {
      last = line.replace(STAMP, '')
      log(last)
    }
    if (child.stderr) readLines(child.stderr, logLine, (head) => logLine(`${head}…`), LOG_LINE)
    const take = (line: FromProgram | LeftOut) => {
      if (closed.signal.aborted) return
      if ('hello' in line) hello.resolve(line.hello)
      else if (program) program.#take(line)
      else if ('isHello' in line && line.isHello)
        hello.reject(new TransportError(`the program's declaration is invalid: ${line.why}`))
      else if (early.push(line) > EARLY)
        hello.reject(new TransportError(`the program writes ${EARLY} lines before its declaration`))
    }
    const out = child.stdout as NonNullable<typeof child.stdout>
    const unanswered = new Unanswered(out)
    readLines(
      out,
      (text) => {
        const line = readLine(text)
        if ('row' in line) unanswered.took(text.length)
        take(line)
      },
      (head) => take(tooLong(head)),
    )
    const ended = (why: string) => {
      const error = new TransportError(why)
      closed.abort(error)
      hello.reject(error)
      // Processes that it started may hold these streams open; they are no longer read.
      child.stdout?.destroy()
      child.stderr?.destroy()
    }
    child.on('error', (error: unknown) => ended(`${command} cannot be started: ${messageOf(error)}`))
    const read = Promise.all(
      [child.stdout, child.stderr].map((one) => one && new Promise((resolve) => one.on('close', resolve))),
    )
    let hasEnded = false
    child.on('exit', async (code: number | null, by: string | null) => {
      hasEnded = true
      unanswered.answered()
      // No process of its group goes on without it: it might write in its name or hold its instrument.
      const isAlone = !kill(child, 'SIGTERM')
      // Its last lines come first; its own children may hold the pipe open for long.
      await Promise.race([read, Bun.sleep(LAST_LINES_MS)])
      if (!isAlone) kill(child, 'SIGKILL')
      const why = code !== 0 && by === null && last !== '' ? `: ${last.slice(0, 200)}` : ''
      ended(`the program has ended (${by ?? `exit code ${code}`})${why}`)
    })
    out.on('end', async () => {
      await Bun.sleep(LAST_LINES_MS)
      if (hasEnded) return
      kill(child, 'SIGKILL')
      ended('the program closed its standard output and was ended')
    })
    const stop = () => kill(child, 'SIGTERM')
    signal?.addEventListener('abort', stop)
    const timer = setTimeout(() => {
      hello.reject(new TransportError(`the program sent no declaration within ${HELLO_MS / 1000} s`))
    }, HELLO_MS)
    try {
      const said = await hello.promise
      log(`program running: pid ${child.pid ?? said.pid}`)
      program = new Program(child, said, closed, unanswered)
      for (const line of early.splice(0)) program.#take(line)
      return program
    } catch (error) {
      kill(child, 'SIGKILL')
      throw error
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
    }
  }

  get pid(): number | undefined {
    return this.#child.pid
  }
  /** Aborted, with the reason, once it has ended. */
  get closed(): AbortSignal {
    return this.#closed.signal
  }

  /** Sets the receiver of its lines. */
  listen(heard: Heard): void {
    this.#heard = heard
    for (const line of this.#early.splice(0)) heard.line(line)
  }

  /**
   * Sends a request.
   * @throws TransportError when it ends before it has answered
   */
  async ask(request: {
    do: 'start' | 'stop' | 'abort'
    op: string
    params?: unknown
  }): Promise<{ status: number; msg: string }> {
    const id = ++this.#requests
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; msg: string }>()
    const gone = () => reject(this.closed.reason)
    this.#answers.set(id, resolve)
    this.closed.addEventListener('abort', gone)
    if (this.closed.aborted) gone()
    this.tell({ id, ...request } as ToProgram)
    hurry(ANSWER_MS)
    try {
      return await promise
    } finally {
      this.#answers.delete(id)
      this.closed.removeEventListener('abort', gone)
    }
  }

  /** Tells it that all rows up to this number are taken; reading resumes. */
  answer(rows: number): void {
    this.tell({ rows })
    this.#unanswered.answered()
  }

  /** Sends it one line. */
  tell(line: ToProgram): void {
    this.#child.stdin?.write(`${JSON.stringify(line)}\n`)
  }

  /**
   * Sends a line that is dropped while the program reads slowly.
   * @returns whether it was sent
   */
  offer(line: ToProgram): boolean {
    if ((this.#child.stdin?.writableLength ?? 0) > MOST_BYTES) return false
    this.tell(line)
    return true
  }

  /** Ends it: by a line, then TERM, then KILL, to its whole group. */
  async close(patience = PATIENCE_MS): Promise<void> {
    this.tell({ do: 'end' })
    for (const sign of ['SIGTERM', 'SIGKILL'] as const) {
      if (this.closed.aborted) return
      await pause(patience / 2, this.closed)
      if (!this.closed.aborted) kill(this.#child, sign)
    }
  }

  #take(line: Line): void {
    if ('id' in line) this.#answers.get(line.id)?.(line)
    else if (this.#heard) this.#heard.line(line)
    else this.#early.push(line)
  }
}

/**
 * Signals its whole group: programs start others.
 * @returns whether the group exists
 */
function kill({ pid }: Child, sign: NodeJS.Signals): boolean {
  try {
    return pid !== undefined && process.kill(-pid, sign)
  } catch {
    return false // It has ended in the meantime.
  }
}
