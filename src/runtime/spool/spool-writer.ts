import { ownModule } from '../../machine/own-files.ts'
import type { Answer, Batch, Done, Order } from './spool-file.ts'

/** The main thread's end of the writing thread: started when there is something to write, and again after it died. */
export class SpoolWriter {
  readonly #path: string
  readonly #answered: (done: Done) => void
  #worker: Worker | undefined
  #number = 0
  #closing: (() => void) | undefined

  /** @param answered hears what became of the batch last sent */
  constructor(path: string, answered: (done: Done) => void) {
    this.#path = path
    this.#answered = answered
  }

  /** Has a batch committed; one at a time. */
  send(batch: Batch): void {
    this.#worker ??= this.#start()
    this.#worker.postMessage({ number: ++this.#number, batch } satisfies Order)
  }

  /** Lets go of the file; an answer that is still due does not come. Ends early when `late` resolves. */
  async close(late: Promise<void>): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#closing = resolve
    })
    if (!this.#worker) return
    this.#worker.postMessage({ close: true } satisfies Order)
    await Promise.race([closed, late])
    this.#worker?.terminate()
  }

  #start(): Worker {
    // A small heap: what it has written is collected soon, where else it would be left for hours.
    const worker = new Worker(ownModule('src/runtime/spool/spool-worker.ts'), { smol: true })
    let why = ''
    worker.onmessage = ({ data: { number, done } }: MessageEvent<Answer>) => {
      if (this.#closing) {
        if (number === 0) this.#closing()
      } else if (number === this.#number) this.#answered(done)
    }
    worker.onerror = ({ message }) => {
      why = `: ${message}`
    }
    worker.addEventListener('close', () => {
      this.#worker = undefined
      // Whether its batch was committed is not known; committing it again changes nothing.
      if (this.#closing) this.#closing()
      else this.#answered({ error: `its thread died${why}` })
    })
    worker.postMessage({ open: this.#path } satisfies Order)
    return worker
  }
}
