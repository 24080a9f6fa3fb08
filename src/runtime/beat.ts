import { BEAT_S } from '../core/channels.ts'

/** The listeners of the one shared timer. */
const listeners = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined

/**
 * Calls `call` every `BEAT_S` seconds until disposed; the first time after `BEAT_S` or sooner. Agents in one
 * process share a beat, so that it wakes once for all of them.
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
