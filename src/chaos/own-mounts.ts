import { execFileSync, spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { PROGRAM } from '../host/children.ts'
import type { Context } from '../terminal/context.ts'

/** Set in the process that has mounts of its own. */
const INSIDE = 'OCS_CHAOS_MOUNTS'
/** Milliseconds after which a Ctrl-C has reached both processes. */
const HEARD_MS = 500

/** Whether this process may mount what it likes, and nobody else sees it. */
export function hasOwnMounts(env: Context['env']): boolean {
  return env[INSIDE] !== undefined
}

/** The command that runs another with mounts of its own; undefined where this user may not. */
export function mountsOfOwn(): string[] | undefined {
  const unshare = ['unshare', process.getuid?.() === 0 ? '-m' : '-rm']
  const [program = '', ...args] = unshare
  try {
    execFileSync(program, [...args, 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()], { stdio: 'ignore' })
    return unshare
  } catch {
    return undefined
  }
}

/**
 * Runs the command line of this process with mounts of its own, which are gone with it however it ends.
 * @param more flags behind those there are
 * @returns its exit code
 */
export function runWithMounts(
  unshare: readonly string[],
  more: readonly string[],
  signal: AbortSignal,
): Promise<number | null> {
  const [program = '', ...args] = [...unshare, ...PROGRAM, ...process.argv.slice(2), ...more]
  const child = spawn(program, args, {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { ...process.env, [INSIDE]: '1', OCS_STOP_WITH_INPUT: '1' },
  })
  // A Ctrl-C at the terminal reaches it by itself, and behind another signal would count as a second one.
  signal.addEventListener('abort', () => setTimeout(() => child.kill('SIGTERM'), HEARD_MS))
  return new Promise((done, reject) => {
    child.on('error', reject)
    child.on('exit', done)
  })
}
