import { diskAdvice } from '../../core/disk-fault.ts'
import { messageOf } from '../../core/errors.ts'
import type { FeedEpoch } from '../../core/feed-sink.ts'
import { pause } from '../../core/pause.ts'
import { type FilesOptions, HkFiles, type Sealed } from './g3-files.ts'
import type { LedgerEntry } from './ledger.ts'
import { Displaced } from './whereabouts.ts'

/** Milliseconds between retries on a failing disk. */
const RETRY_MS = 1000

export interface FrameWriterOptions extends FilesOptions {
  /** The disk has started to fail. */
  failed(): void
  /** A file being written has been moved or removed; no more is written. */
  displaced(error: Displaced): void
  /** These frames are in a synced file. */
  written(frames: readonly Sealed[]): void
}

/** Writes frames in order, one write at a time; a failing disk is tried again every second. */
export class FrameWriter {
  readonly #options: FrameWriterOptions
  readonly #files: HkFiles
  readonly #queue: Sealed[] = []
  readonly #closed = new AbortController()
  /** Data have begun for which no file may be open yet. */
  #begun: { readonly from: FeedEpoch; readonly entry: LedgerEntry; readonly start: number } | undefined
  #working: Promise<void> | undefined
  #problem: string | undefined
  /** The error code of the problem. */
  #trouble: string | undefined

  constructor(options: FrameWriterOptions) {
    this.#options = options
    this.#files = new HkFiles(options)
  }

  /** What prevents frames from being written, if anything. */
  get problem(): string | undefined {
    return this.#problem
  }

  /**
   * Makes sure that a file is open for data that begin at `start` (unix s), so that its path can be shown.
   */
  begin(from: FeedEpoch, entry: LedgerEntry, start: number): void {
    if (this.#closed.signal.aborted) return
    this.#begun = { from, entry, start }
    this.#work()
  }

  push(sealed: Sealed): void {
    if (this.#closed.signal.aborted) return
    this.#queue.push(sealed)
    this.#work()
  }

  /** Resolves once all frames are in a synced file. */
  async flush(): Promise<void> {
    while (this.#working !== undefined) await this.#working
  }

  /** Gives up on unwritten frames and closes the files; waits for that until `late` at most. */
  async close(late: Promise<void>): Promise<void> {
    this.#giveUp()
    await Promise.race([this.flush().then(() => this.#files.close()), late])
  }

  /**
   * Checks that everything being written is still in its place. @throws Displaced, or an error of the disk
   */
  check(): Promise<void> {
    return this.#files.check()
  }

  #giveUp(): void {
    this.#closed.abort()
    this.#queue.length = 0
    this.#begun = undefined
  }

  #work(): void {
    this.#working ??= this.#write().finally(() => {
      this.#working = undefined
      if (this.#queue.length > 0) this.#work()
    })
  }

  async #write(): Promise<void> {
    while (this.#queue.length > 0 || this.#begun) {
      try {
        const begun = this.#begun
        if (begun && this.#queue.length === 0) await this.#files.prepare(begun.from, begun.entry, begun.start)
        if (this.#begun === begun) this.#begun = undefined
        const count = await this.#files.write(this.#queue)
        await this.#files.check()
        this.#works()
        this.#options.written(this.#queue.splice(0, count))
      } catch (error) {
        if (error instanceof Displaced) {
          this.#giveUp()
          return this.#options.displaced(error)
        }
        this.#fails(error)
        await pause(RETRY_MS, this.#closed.signal)
      }
    }
  }

  #works(): void {
    if (this.#problem !== undefined)
      this.#options.event('info', 'disk', `${this.#options.dir}: writing works again`)
    this.#problem = undefined
    this.#trouble = undefined
  }

  #fails(error: unknown): void {
    if (this.#problem === undefined) this.#options.failed()
    const { code = messageOf(error) } = error as NodeJS.ErrnoException
    const { dir } = this.#options
    const advice = diskAdvice(error, '')
    this.#problem = `${messageOf(error)} (${advice === '' ? dir : `${dir}: ${advice}`})`
    if (code === this.#trouble) return
    this.#trouble = code
    const what = advice === '' ? messageOf(error) : `${messageOf(error)}: ${advice}`
    const text = `${dir} cannot be written: ${what}; trying again every second`
    this.#options.event('error', 'disk', text)
  }
}
