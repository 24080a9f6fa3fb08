import type { Priority } from './link.ts'

/** Runs pieces of work one at a time, in order, each `task` before any waiting `poll`. */
export class CommandQueue {
  readonly #waiting: Record<Priority, (() => Promise<void>)[]> = { task: [], poll: [] }
  #pumping = false

  /** Does the work when its turn comes; resolves or rejects with its result. */
  add<T>(priority: Priority, work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting[priority].push(() => work().then(resolve, reject))
      void this.#pump()
    })
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return
    this.#pumping = true
    for (;;) {
      const job = this.#waiting.task.shift() ?? this.#waiting.poll.shift()
      if (!job) break
      await job()
    }
    this.#pumping = false
  }
}
