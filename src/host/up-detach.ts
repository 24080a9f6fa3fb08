import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { ConfigError, OpError } from '../core/errors.ts'
import type { Context } from '../terminal/context.ts'
import { PROGRAM } from './children.ts'
import { runsAlready, type UpFlags, type UpPlace } from './up-run.ts'
import { isAlive, readUpState, type UpState } from './up-state.ts'

/** Milliseconds in which it must be up, and between checks whether it is. */
const PATIENCE_MS = 15_000
const LOOK_MS = 50

/**
 * Starts `ocs up` in a session of its own and returns once it runs.
 * @throws ConfigError when it fails, with its output
 */
export async function upDetached(place: UpPlace, flags: UpFlags, context: Context): Promise<void> {
  const { path, plan } = place
  mustNotRun(place)
  const said = path.replace(/json$/, 'start')
  mkdirSync(dirname(said), { recursive: true, mode: 0o700 })
  const fd = openSync(said, 'w', 0o640)
  const [program = '', ...args] = PROGRAM
  const { OCS_STOP_WITH_INPUT: _, ...env } = process.env
  const child = spawn(program, [...args, ...upWords(place, flags)], {
    stdio: ['ignore', fd, fd],
    detached: true,
    env,
  })
  closeSync(fd)
  let failed: string | undefined
  child.on('error', (error) => {
    failed = error.message
  })
  child.on('exit', () => {
    failed ??= readFileSync(said, 'utf8').trim()
  })
  const state = await begun(
    path,
    () => failed,
    ({ pid }) => pid === child.pid,
  )
  child.unref()
  for (const note of plan.notes) context.err(`${note}\n`)
  context.out(
    `ocs up runs for ${plan.host.name}: pid ${state.pid}; its log: ${state.log}; its roles: ocs ps\n`,
  )
}

/** @throws OpError when an `ocs up` runs already for this site and host */
export function mustNotRun(place: UpPlace): void {
  const state = readUpState(place.path)
  if (state && isAlive(state)) throw new OpError(runsAlready(place))
}

/** The arguments after `ocs` that do the same in the foreground. */
export function upWords({ from }: Pick<UpPlace, 'from'>, flags: UpFlags): string[] {
  const value = (name: string, text: string | undefined) => (text === undefined ? [] : [name, text])
  return [
    'up',
    ...value('--site-file', from.file),
    ...value('--site-host', flags.siteHost),
    ...value('--site-hub', from.siteHub),
    ...value('--state-dir', from.stateDir),
    ...value('--log-dir', from.logDir),
    ...(flags.hub === undefined ? [] : [flags.hub ? '--hub' : '--no-hub']),
    ...(flags.bridge ? ['--bridge'] : []),
    ...(typeof flags.bridge === 'string' ? [flags.bridge] : []),
  ]
}

/**
 * Resolves once the roles have been started.
 * @throws ConfigError when that failed, or takes too long
 */
export async function begun(
  path: string,
  failed: () => string | undefined,
  isOurs: (state: UpState) => boolean,
): Promise<UpState> {
  const start = performance.now()
  for (;;) {
    const state = readUpState(path)
    if (state && isAlive(state) && state.roles.length > 0 && isOurs(state)) return state
    const why = failed()
    if (why !== undefined) throw new ConfigError(`ocs up did not start:\n${why}`)
    if (performance.now() - start > PATIENCE_MS)
      throw new ConfigError('ocs up did not start in 15 s: try it without --detach')
    await Bun.sleep(LOOK_MS)
  }
}
