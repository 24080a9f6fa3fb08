/**
 * Conditions that tests wait for: checked when they are added, and whenever `look` reports that something has
 * happened.
 */
export interface Conditions {
  look(): void
  /** Resolves once a condition holds. */
  until(condition: () => boolean): Promise<void>
}

export function conditions(): Conditions {
  const waiting = new Set<() => void>()
  return {
    look() {
      for (const check of [...waiting]) check()
    },
    until: (condition) =>
      new Promise((resolve) => {
        const check = () => {
          if (!condition()) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      }),
  }
}
