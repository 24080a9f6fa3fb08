/**
 * Makes Bun collect garbage after every `count` events (20 to 40 ms each time, after the running work). By
 * itself Bun lets garbage grow to twice the memory in use; a flood of requests or connections then takes 80
 * MB more than it needs.
 * @returns a function to call at each event
 */
export function collectAfter(count: number): () => void {
  let events = 0
  return () => {
    if (++events % count === 0) setImmediate(() => Bun.gc(true))
  }
}
