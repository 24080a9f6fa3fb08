import type { FeedDeclaration, HeldEpoch, Presence, Row } from '../core/channels.ts'

/** A feed of one integer. */
export const counts: FeedDeclaration = {
  agent_class: 'CounterAgent',
  record: true,
  frame_length: 300,
  blocks: { count: { n: { type: 'int' } } },
}

/** A row of that feed. */
export function count(epoch: string, n: number, t = Date.now() / 1000): Omit<Row, 'seq'> {
  return { epoch, block: 'count', t: [t], data: { n: [n] } }
}

/** The beat of an agent whose spool holds epochs of that feed. */
export function beatOf(spool: string, epochs: HeldEpoch[]): Presence {
  const about = {
    since: 1,
    time: Date.now() / 1000,
    agent_class: 'CounterAgent',
    host: 'h',
    pid: 1,
    version: '0',
  }
  return { state: 'online', session: 's', ...about, feeds: { counts: { spool, epochs } } }
}
