/** A seeded source of uniform numbers in [0, 1); one seed, one sequence (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    return scramble(state)
  }
}

/** A uniform number in [0, 1) that depends only on its arguments, not on earlier calls. */
export function uniform(seed: number, key: string, tick: number): number {
  let hash = (seed ^ 0x811c9dc5) >>> 0
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193) >>> 0
  // A tick of UTC at 10 Hz is wider than 32 bits.
  hash = Math.imul(hash ^ (tick >>> 0), 0x85ebca6b) >>> 0
  hash = Math.imul(hash ^ Math.floor(tick / 2 ** 32), 0xc2b2ae35) >>> 0
  return scramble(hash)
}

/**
 * Standard normal noise that depends only on its arguments, so a reading is the same for every query order.
 */
export function noise(seed: number, key: string, tick: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(seed, key, tick)))
  return radius * Math.cos(2 * Math.PI * uniform(seed ^ 0x5bd1e995, key, tick))
}

function scramble(state: number): number {
  let x = Math.imul(state ^ (state >>> 15), state | 1)
  x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
  return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
}
