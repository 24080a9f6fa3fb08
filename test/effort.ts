/** Measures the cost of work without a clock. */

/** A text that counts how often its characters are read. */
export function countedText(text: string): { readonly text: string; looks(): number } {
  let looks = 0
  const counting = new Proxy(new String(text), {
    get(target, key) {
      if (typeof key === 'string' && /^\d+$/.test(key)) looks++
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return { text: counting as unknown as string, looks: () => looks }
}

/**
 * The factor by which the processor time of work grows when it has ten times as much to do: about 10 if
 * proportional, 100 if quadratic. For each size the minimum of several rounds is used, so that interruptions
 * matter little.
 * @param work does it once for a size; for the smaller size it should take a few milliseconds
 */
export function growth(work: (size: number) => void, size: number): number {
  const cost = (of: number) => {
    const { user, system } = process.cpuUsage()
    work(of)
    const after = process.cpuUsage({ user, system })
    return after.user + after.system
  }
  const least = (of: number) => Math.min(...Array.from({ length: ROUNDS }, () => cost(of)))
  return least(10 * size) / Math.max(1, least(size))
}

const ROUNDS = 5
