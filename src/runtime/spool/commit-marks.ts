/** Those who wait until all rows appended so far are on disk, or were dropped. */
export class CommitMarks {
  #appended = 0
  #settled = 0
  readonly #awaited: { readonly mark: number; readonly resolve: () => void }[] = []

  appended(): void {
    this.#appended++
  }

  /** This many more rows are on disk, or were dropped. */
  settled(rows: number): void {
    this.#settled += rows
    while ((this.#awaited[0]?.mark ?? Infinity) <= this.#settled) this.#awaited.shift()?.resolve()
  }

  /** Resolves once all rows appended so far are settled. */
  reached(): Promise<void> {
    if (this.#settled >= this.#appended) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#awaited.push({ mark: this.#appended, resolve })
    return promise
  }
}
