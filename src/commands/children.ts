import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'

/** A role run as a process of its own. */
export interface Role {
  readonly name: string
  /** What to run, after `ocs`. */
  readonly args: readonly string[]
}
/** A running role. */
export interface Child {
  readonly role: Role
  readonly pid: number
  /** Where its output goes. */
  readonly log: string
  /** Its exit code or the signal that ended it; undefined while it runs. */
  readonly ended: string | undefined
  readonly exited: Promise<void>
  kill(signal: 'SIGTERM' | 'SIGKILL'): void
}

/** Milliseconds a role has to stop before it is killed. */
const PATIENCE_MS = 1800

/**
 * Starts a role. It has a process group of its own, so that a Ctrl-C at the terminal reaches only its parent, which
 * stops the roles in order; and it stops by itself when its parent dies, since its input ends then.
 */
export function startChild(role: Role, logs: string): Child {
  mkdirSync(logs, { recursive: true })
  const log = join(logs, `${role.name}.log`)
  const fd = openSync(log, 'w')
  const program = join(import.meta.dir, '..', '..', 'bin', 'ocs.ts')
  const process_: ChildProcess = spawn(process.execPath, ['--no-install', program, ...role.args], {
    stdio: ['pipe', fd, fd],
    detached: true,
    env: { ...process.env, OCS_STOP_WITH_INPUT: '1' },
  })
  closeSync(fd)
  let ended: string | undefined
  const exited = new Promise<void>((resolve) => {
    const end = (how: string) => {
      ended ??= how
      resolve()
    }
    process_.on('exit', (code, signal) => end(signal ?? `exit code ${code}`))
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

/** Stops groups of roles one group after the other, 2 s in all at most: asked first, killed in the end. */
export async function stopChildren(groups: readonly (readonly Child[])[]): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  for (const group of groups) {
    for (const child of group) if (child.ended === undefined) child.kill('SIGTERM')
    const all = Promise.all(group.map(({ exited }) => exited))
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(late.resolve, Math.max(0, deadline - performance.now()))
    await Promise.race([all, late.promise])
    clearTimeout(timer)
    for (const child of group) if (child.ended === undefined) child.kill('SIGKILL')
  }
}
