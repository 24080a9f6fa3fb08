/**
 * Has memory collected after every so many events (20 to 40 ms each time, behind what runs). By itself Bun lets garbage grow
 * until twice what is in use; a flood of requests or connections then takes 80 MB more than it needs.
 * @returns what to call at each event
 */
export function collectAfter(count: number): () => void {
  let events = 0
  return () => {
    if (++events % count === 0) setImmediate(() => Bun.gc(true))
  }
}
