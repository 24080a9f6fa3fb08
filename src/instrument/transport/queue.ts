import type { Priority } from './link.ts'

/** Work of which one piece is done at a time, in order, a `task` before any `poll` that waits. */
export class CommandQueue {
  readonly #waiting: Record<Priority, (() => Promise<void>)[]> = { task: [], poll: [] }
  #pumping = false

  /** Does the work when its turn comes; resolves or rejects as it does. */
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
