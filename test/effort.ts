/** What work costs, told without a clock. */

/** A text that counts how often one of its characters is looked at. */
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
 * How many times the processor time a work takes when it has ten times as much to do: about 10 where the time is in
 * proportion, 100 where it is as the square. Of each the least of several rounds, so that what comes between counts little.
 * @param work does it once for a size; for the smaller it should take a few milliseconds
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
