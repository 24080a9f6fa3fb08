import { BEAT_S } from '../core/channels.ts'

/** Who is called, by the one timer that there is. */
const listeners = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined

/**
 * Calls every `BEAT_S` seconds, until disposed; the first time no later than that. Agents that share a process have one beat:
 * it wakes once for all of them.
 */
export function eachBeat(call: () => void): Disposable {
  listeners.add(call)
  timer ??= setInterval(() => {
    for (const each of [...listeners]) each()
  }, 1000 * BEAT_S)
  return {
    [Symbol.dispose]() {
      listeners.delete(call)
      if (listeners.size > 0) return
      clearInterval(timer)
      timer = undefined
    },
  }
}
