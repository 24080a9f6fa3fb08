import type { FeedDeclaration } from '../../src/core/channels.ts'

export const FEED = 'temperatures'
const CHANNELS = Array.from({ length: 8 }, (_, i) => `Channel_${i + 1}_T`)
/** The declaration of each of the many agents. */
export const blocks = { temps: Object.fromEntries(CHANNELS.map((name) => [name, { units: 'K' }])) }
export const declaration: FeedDeclaration = {
  agent_class: 'ManyAgent',
  record: true,
  frame_length: 300,
  blocks: {
    temps: Object.fromEntries(CHANNELS.map((name) => [name, { type: 'double', units: 'K' }])),
  },
}

/** The instance-id of one of them. */
export function nameOf(i: number, name = 'many'): string {
  return `${name}${String(i).padStart(2, '0')}`
}

/** The nth readings, as doubles with all their digits. */
export function values(n: number): Record<string, number> {
  return Object.fromEntries(CHANNELS.map((name, at) => [name, 4 + Math.sin(n + at)]))
}
