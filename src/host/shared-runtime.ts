import { createInterface } from 'node:readline'
import { readShared, type SharedOrder, SharedTold } from '../launch/shared-lines.ts'
import { type Child, type Role, type startLogged, startRole, watch } from './children.ts'

/** Starts a role whose log lines are passed on. */
export type StartRole = typeof startLogged

interface Member {
  take(line: string): void
  end(how: string): void
}

const RUNTIME: Role = { name: 'shared runtime', args: ['shared-runtime'] }
/** Milliseconds that a runtime has to end once nothing runs in it. */
const PATIENCE_MS = 5000

/**
 * Starts each role as if it were a child of its own, but all of them in one process, which runs as long as
 * any of them does. If the process dies, all of them have ended; restarting a role then starts it again.
 */
export function sharedRuntime(): StartRole {
  let now: Runtime | undefined
  return (role, log, take) => {
    now ??= beginRuntime((over) => {
      if (now === over) now = undefined
    })
    return now.start(role, log, take)
  }
}

interface Runtime {
  readonly start: StartRole
}

/** @param over called when nothing can be started in it any more */
function beginRuntime(over: (runtime: Runtime) => void): Runtime {
  const process_ = startRole(RUNTIME, ['pipe', 'pipe'], {
    OCS_LOG_FILE: 'none',
    OCS_STOP_WITH_INPUT: '',
  })
  const members = new Map<string, Member>()
  const whole = watch(RUNTIME, process_, '', 'close')
  const tell = (order: SharedOrder) => process_.stdin?.write(`${JSON.stringify(order)}\n`)
  const runtime: Runtime = {
    start({ name, args, env = {}, ...role }, log, take) {
      let ended: string | undefined
      const exited = Promise.withResolvers<void>()
      members.set(name, {
        take,
        end(how) {
          ended = how
          exited.resolve()
        },
      })
      tell({ start: name, args: [...args], env: { ...env } })
      return {
        role: { name, args, env, ...role },
        pid: process_.pid ?? 0,
        log,
        get ended() {
          return ended
        },
        exited: exited.promise,
        // A role that cannot be stopped takes the whole process down: the others are restarted.
        kill: (signal) => (signal === 'SIGKILL' ? whole.kill(signal) : tell({ stop: name })),
      } satisfies Child
    },
  }
  const end = (name: string, how: string) => {
    members.get(name)?.end(how)
    members.delete(name)
  }
  if (process_.stdout)
    createInterface({ input: process_.stdout, crlfDelay: Infinity }).on('line', (text) => {
      const told = readShared(SharedTold, text)
      if (!told) return
      if ('log' in told) {
        const lines = told.log.replace(/\n$/, '').split('\n')
        for (const line of lines) members.get(told.instance)?.take(line)
        return
      }
      end(told.instance, `exit code ${told.code}`)
      if (members.size > 0) return
      over(runtime)
      process_.stdin?.end()
      setTimeout(() => whole.kill('SIGKILL'), PATIENCE_MS).unref()
    })
  // The process's own last lines concern all its roles.
  if (process_.stderr)
    createInterface({ input: process_.stderr, crlfDelay: Infinity }).on('line', (line) => {
      for (const { take } of members.values()) take(line)
    })
  process_.once('exit', () => over(runtime))
  void whole.exited.then(() => {
    over(runtime)
    for (const name of [...members.keys()]) end(name, whole.ended ?? 'for an unknown reason')
  })
  return runtime
}
