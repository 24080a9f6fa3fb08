import type { Aedes } from 'aedes'

/** The most topics and listeners, in total, that are remembered. */
const MOST = 100_000

/** Aedes's search for a message's listeners: a trie of all filters, which it walks for each message. */
interface Matcher {
  match(topic: string): readonly unknown[]
  add(...what: unknown[]): unknown
  remove(...what: unknown[]): unknown
}

/**
 * Makes a broker remember the listeners of a topic until any client subscribes or leaves: a feed's rows all
 * have one topic.
 */
export function rememberMatches(broker: Aedes): void {
  const { _matcher: matcher } = (broker as unknown as { mq: { _matcher: Matcher } }).mq
  const found = new Map<string, readonly unknown[]>()
  let size = 0
  const forget = () => {
    found.clear()
    size = 0
  }
  const match = matcher.match.bind(matcher)
  matcher.match = (topic) => {
    const known = found.get(topic)
    if (known !== undefined) return known
    const listeners = match(topic)
    size += 1 + listeners.length
    if (size > MOST) forget()
    found.set(topic, listeners)
    return listeners
  }
  for (const change of ['add', 'remove'] as const) {
    const act = matcher[change].bind(matcher)
    matcher[change] = (...what) => {
      forget()
      return act(...what)
    }
  }
}
