import type { FeedDeclaration, Row } from '../core/channels.ts'

/** A feed of one integer. */
export const counts: FeedDeclaration = {
  agent_class: 'CounterAgent',
  record: true,
  frame_length: 300,
  blocks: { count: { n: { type: 'int' } } },
}

/** A row of it. */
export function count(epoch: string, n: number, t = Date.now() / 1000): Omit<Row, 'seq'> {
  return { epoch, block: 'count', t: [t], data: { n: [n] } }
}

/** Numbers from 0 to 1, the same for one seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
