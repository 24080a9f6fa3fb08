import { spawn, spawnSync } from 'node:child_process'
import { ConfigError, messageOf } from '../core/errors.ts'
import type { Context } from '../terminal/context.ts'
import { PROGRAM } from './children.ts'
import { isUp } from './roles.ts'
import { begun, mustNotRun, upWords } from './up-detach.ts'
import type { UpFlags, UpPlace } from './up-run.ts'

/** Variables to pass on, because a tmux server that is already running does not have our environment. */
const OURS = /^(OCS_(?!STOP_WITH_INPUT)|XDG_|NO_COLOR$|PATH$|HOME$)/

/**
 * Runs `ocs up` in a tmux session: the first window shows its output, and Ctrl-C there stops all; each role
 * has a window with its log. Attaches to the session on a terminal.
 * @throws ConfigError without tmux, and when `ocs up` does not start
 */
export async function upInTmux(place: UpPlace, flags: UpFlags, context: Context): Promise<void> {
  mustNotRun(place)
  const { plan, path, from } = place
  const session = `ocs-${plan.root}-${plan.host.name}`.replaceAll(/[^A-Za-z0-9_-]/g, '_')
  const env = Object.entries(process.env)
    .filter(([name]) => OURS.test(name))
    .flatMap(([name, value]) => ['-e', `${name}=${value}`])
  const here = ['-c', process.cwd(), ...env]
  const target = `=${session}:`
  tmux(['new-session', '-d', '-s', session, '-n', 'up', ...here, '--', 'sleep', '60'])
  try {
    // The output of a failed start must not disappear with its window.
    tmux(['set-window-option', '-t', `${target}up`, 'remain-on-exit', 'on'])
    tmux(['respawn-window', '-k', '-t', `${target}up`, ...here, '--', ...PROGRAM, ...upWords(place, flags)])
    const failed = () =>
      tmux(['display-message', '-p', '-t', `${target}up`, '#{pane_dead}']).trim() === '1'
        ? tmux(['capture-pane', '-p', '-t', `${target}up`]).trim()
        : undefined
    const { roles } = await begun(path, failed, () => true)
    tmux(['set-window-option', '-t', `${target}up`, 'remain-on-exit', 'off'])
    const state = from.stateDir === undefined ? [] : ['--state-dir', from.stateDir]
    const logs = ['logs', '--follow', '--site-file', from.file, '--site-host', plan.host.name, ...state]
    for (const { name } of roles.filter(isUp)) {
      tmux(['new-window', '-d', '-t', target, '-n', name, ...here, '--', ...PROGRAM, ...logs, name])
    }
  } catch (error) {
    spawnSync('tmux', ['kill-session', '-t', `=${session}`])
    throw error
  }
  if (!context.terminal || !context.input?.isTTY) {
    context.out(`ocs up runs in tmux: tmux attach -t ${session}\n`)
    return
  }
  const inside = Boolean(process.env['TMUX'])
  const attached = spawn('tmux', [inside ? 'switch-client' : 'attach-session', '-t', `=${session}`], {
    stdio: 'inherit',
  })
  await new Promise((done) => attached.once('close', done).once('error', done))
}

function tmux(args: readonly string[]): string {
  const { status, error, stdout, stderr } = spawnSync('tmux', args, { encoding: 'utf8' })
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT')
    throw new ConfigError('--tmux needs tmux, which is not installed: install it, or use --detach')
  if (error) throw new ConfigError(`tmux cannot be run: ${messageOf(error)}`, { cause: error })
  if (status !== 0) throw new ConfigError(`tmux ${args[0]}: ${stderr.trim()}`)
  return stdout
}
