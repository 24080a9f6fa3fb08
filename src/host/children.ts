import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { isBinary, ownModule, ownProgram } from '../machine/own-files.ts'

/** A role that runs as a separate process. */
export interface Role {
  readonly name: string
  /** A program instead of `ocs`, with its first arguments. */
  readonly program?: readonly string[]
  /** The arguments after `ocs` or the program. */
  readonly args: readonly string[]
  /** Milliseconds that it has to stop, if it needs longer than others. */
  readonly patience?: number
  /** Additional environment variables. */
  readonly env?: Readonly<Record<string, string>>
}
/** A running role. */
export interface Child {
  readonly role: Role
  readonly pid: number
  /** Where its output is written. */
  readonly log: string
  /** Its exit code or the signal that ended it; undefined while it runs. */
  readonly ended: string | undefined
  readonly exited: Promise<void>
  kill(signal: NodeJS.Signals): void
}

/** Milliseconds that all roles together have to stop before they are killed. */
const PATIENCE_MS = 1800
/** The part of that time reserved for each group that is still to be stopped. */
const RESERVE_MS = 400
/** Milliseconds after a role's exit in which its last lines may still arrive. */
const LAST_LINES_MS = 300

/**
 * The program of every role, started as the launcher (`bin/ocs`) starts it: Bun installs nothing, and reads
 * neither `.env` nor `bunfig.toml` of the working directory, which would run code and move folders.
 */
export const PROGRAM: readonly string[] = program()

function program(): string[] {
  // Not the file that runs this: after an upgrade, that of a release is gone.
  if (isBinary) return [ownProgram]
  const flags = ['--no-install', '--no-env-file', '--config=/dev/null', '--no-deprecation']
  return [process.execPath, ...flags, ownModule('bin/ocs.ts')]
}

/**
 * Starts a role. It has its own process group, so that Ctrl-C at the terminal reaches only its parent, which
 * stops the roles in order. It stops by itself when its parent dies, because its input ends then.
 * @param append keeps the log of an earlier run of the role
 * @param quiet drops its readings (standard output)
 * @param env additional environment variables
 */
export function startChild(
  role: Role,
  logs: string,
  {
    append = false,
    quiet = false,
    env = {},
  }: { append?: boolean; quiet?: boolean; env?: Readonly<Record<string, string>> } = {},
): Child {
  mkdirSync(logs, { recursive: true, mode: 0o700 })
  const log = join(logs, `${role.name}.log`)
  const fd = openSync(log, append ? 'a' : 'w', 0o640)
  const process_ = startRole(role, [quiet ? 'ignore' : fd, fd], env)
  closeSync(fd)
  return watch(role, process_, log, 'exit')
}

/**
 * Starts a role in the same way, but passes on each line that it logs: it has no log file of its own, and its
 * readings (standard output) are dropped.
 * @param log the path where the lines end up, for display
 */
export function startLogged(role: Role, log: string, take: (line: string) => void): Child {
  const process_ = startRole(role, ['ignore', 'pipe'], { OCS_LOG_FILE: 'none' })
  if (process_.stderr) createInterface({ input: process_.stderr, crlfDelay: Infinity }).on('line', take)
  return watch(role, process_, log, 'close')
}

/** Starts the process of a role; its input is a pipe that ends when its parent does. */
export function startRole(
  role: Role,
  output: (number | 'ignore' | 'pipe')[],
  env: Record<string, string>,
): ChildProcess {
  const [program = '', ...args] = role.program ?? PROGRAM
  const process_ = spawn(program, [...args, ...role.args], {
    stdio: ['pipe', ...output],
    detached: true,
    env: { ...process.env, OCS_STOP_WITH_INPUT: '1', ...role.env, ...env },
  })
  // The parent writes nothing to it and need not learn that it is gone.
  process_.stdin?.on('error', () => {})
  return process_
}

/**
 * A role's process as a child: it counts as ended at the process's `exit`, or at `close`, once its output has
 * ended too.
 */
export function watch(role: Role, process_: ChildProcess, log: string, last: 'exit' | 'close'): Child {
  let ended: string | undefined
  const exited = new Promise<void>((resolve) => {
    const end = (how: string) => {
      ended ??= how
      resolve()
    }
    process_.on('exit', (code, signal) => {
      const how = signal ?? `exit code ${code}`
      if (last === 'exit') return end(how)
      const timer = setTimeout(() => end(how), LAST_LINES_MS)
      process_.once('close', () => {
        clearTimeout(timer)
        end(how)
      })
    })
    process_.on('error', (error) => end(error.message))
  })
  return {
    role,
    pid: process_.pid ?? 0,
    log,
    get ended() {
      return ended
    },
    exited,
    kill: (signal) => process_.kill(signal),
  }
}

/**
 * Stops groups of roles one after the other, in 2 s at most: by SIGTERM first, by SIGKILL in the end. A group
 * that does not stop still leaves time for the next to stop by itself.
 */
export async function stopChildren(groups: readonly (readonly Child[])[]): Promise<void> {
  const needed = groups.flat().map(({ role: { patience = 0 } }) => patience)
  const deadline = performance.now() + Math.max(PATIENCE_MS, ...needed)
  const all = groups.filter((group) => group.some(({ ended }) => ended === undefined))
  for (const [at, group] of all.entries()) {
    for (const child of group) if (child.ended === undefined) child.kill('SIGTERM')
    const gone = Promise.all(group.map(({ exited }) => exited))
    const late = Promise.withResolvers<void>()
    const left = deadline - performance.now() - RESERVE_MS * (all.length - 1 - at)
    const timer = setTimeout(late.resolve, Math.max(0, left))
    await Promise.race([gone, late.promise])
    clearTimeout(timer)
    for (const child of group) if (child.ended === undefined) child.kill('SIGKILL')
  }
}
