import { ownModule } from '../../machine/own-files.ts'
import type { Answer, Batch, Done, Order } from './spool-file.ts'

/** The one thread that writes all spools of this process; started when there is something to write. */
let thread: Worker | undefined
/** The writers that receive the thread's answers, by number, and learn of its death. */
const open = new Map<number, SpoolWriter>()
let last = 0

/**
 * Orders for the thread. Those of one turn of the event loop are sent together, since each message wakes the
 * thread.
 */
let orders: Order[] = []

function tell(order: Order): void {
  thread ??= start()
  if (orders.push(order) === 1) setImmediate(tellAll)
}

function tellAll(): void {
  const all = orders
  orders = []
  thread?.postMessage(all)
}

function start(): Worker {
  // A small heap: garbage is then collected soon; otherwise it would stay for hours.
  const worker = new Worker(ownModule('src/runtime/spool/spool-worker.ts'), { smol: true })
  let why = ''
  worker.onmessage = ({ data }: MessageEvent<readonly Answer[]>) => {
    for (const answer of data) open.get(answer.spool)?.answered(answer)
  }
  worker.onerror = ({ message }) => {
    why = `: ${message}`
  }
  worker.addEventListener('close', () => {
    if (thread !== worker) return
    thread = undefined
    orders = []
    for (const writer of [...open.values()]) writer.died(`its thread died${why}`)
  })
  return worker
}

/** A spool's connection to the writing thread, which is started again if it died. */
export class SpoolWriter {
  readonly #spool = ++last
  readonly #path: string
  readonly #done: (done: Done) => void
  #number = 0
  /** Whether a batch is being written. */
  #waits = false
  #closing: (() => void) | undefined

  /** @param answered called with the result of the batch last sent */
  constructor(path: string, answered: (done: Done) => void) {
    this.#path = path
    this.#done = answered
  }

  /** Sends a batch to be committed; one at a time. */
  send(batch: Batch): void {
    open.set(this.#spool, this)
    this.#waits = true
    tell({ spool: this.#spool, path: this.#path, number: ++this.#number, batch })
  }

  /** Releases the file; a pending answer is no longer delivered. Ends early when `late` resolves. */
  async close(late: Promise<void>): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#closing = resolve
    })
    if (!open.has(this.#spool)) return
    if (thread) {
      tell({ spool: this.#spool, close: true })
      await Promise.race([closed, late])
    }
    open.delete(this.#spool)
    if (open.size > 0) return
    const idle = thread
    thread = undefined
    idle?.terminate()
  }

  /** Handles an answer of the thread. */
  answered({ number, done }: Answer): void {
    if (this.#closing) {
      if (number === 0) this.#closing()
    } else if (number === this.#number) this.#end(done)
  }

  /** The thread has died. Whether its batch was committed is unknown; committing it again changes nothing. */
  died(error: string): void {
    if (this.#closing) this.#closing()
    else if (this.#waits) this.#end({ error })
  }

  #end(done: Done): void {
    this.#waits = false
    this.#done(done)
  }
}
