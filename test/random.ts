/**
 * Numbers that are the same for one seed (mulberry32): from 0 to 1, whole ones below a limit, an item of a
 * list.
 */
export interface Random {
  (): number
  below(limit: number): number
  pick<T>(list: ArrayLike<T>): T
}

/** A seeded source of numbers for tests. */
export function seeded(seed: number): Random {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return Object.assign(next, { below, pick: <T>(list: ArrayLike<T>) => list[below(list.length)] as T })
}
