import type { Executed } from './watch.ts'

type Pieces = Executed[string]

/** How often what stands at a place was executed: the smallest piece around it knows, the last of equal ones. */
function timesAt(place: number, pieces: Pieces): number {
  let [size, found] = [Number.POSITIVE_INFINITY, 0]
  for (const [start, end, times] of pieces) {
    if (place < start || place >= end || end - start > size) continue
    size = end - start
    found = times
  }
  return found
}

/**
 * Files in which something was executed more often than without the act, by at least `more` times.
 * @param idle what each thread of a process executed without the act, in at least as long a time
 * @param busy the same threads with it; a thread that came with the act executed nothing before
 */
export function filesDue(idle: readonly Executed[], busy: readonly Executed[], more: number): Set<string> {
  const files = busy.flatMap((thread, at) =>
    Object.entries(thread)
      .filter(([file, pieces]) => {
        const before = idle[at]?.[file] ?? []
        const places = new Set([...before, ...pieces].map(([start]) => start))
        return [...places].some((place) => timesAt(place, pieces) - timesAt(place, before) >= more)
      })
      .map(([file]) => file),
  )
  return new Set(files)
}
