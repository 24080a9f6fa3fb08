import { ownModule } from '../../machine/own-files.ts'
import type { Answer, Batch, Done, Order } from './spool-file.ts'

/** The thread that writes all spools of this process, while there are any; started when there is something to write. */
let thread: Worker | undefined
/** Who hears its answers, by number, and that it has died. */
const open = new Map<number, SpoolWriter>()
let last = 0

/** What it is told next: what comes in one turn of the event loop goes together, since each message wakes it by itself. */
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
  // A small heap: what it has written is collected soon, where else it would be left for hours.
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

/** A spool's end of the writing thread, which is started again after it died. */
export class SpoolWriter {
  readonly #spool = ++last
  readonly #path: string
  readonly #done: (done: Done) => void
  #number = 0
  /** Whether a batch is on its way. */
  #waits = false
  #closing: (() => void) | undefined

  /** @param answered hears what became of the batch last sent */
  constructor(path: string, answered: (done: Done) => void) {
    this.#path = path
    this.#done = answered
  }

  /** Has a batch committed; one at a time. */
  send(batch: Batch): void {
    open.set(this.#spool, this)
    this.#waits = true
    tell({ spool: this.#spool, path: this.#path, number: ++this.#number, batch })
  }

  /** Lets go of the file; an answer that is still due does not come. Ends early when `late` resolves. */
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

  /** Hears what the thread answers. */
  answered({ number, done }: Answer): void {
    if (this.#closing) {
      if (number === 0) this.#closing()
    } else if (number === this.#number) this.#end(done)
  }

  /** The thread has died. Whether its batch was committed is not known; committing it again changes nothing. */
  died(error: string): void {
    if (this.#closing) this.#closing()
    else if (this.#waits) this.#end({ error })
  }

  #end(done: Done): void {
    this.#waits = false
    this.#done(done)
  }
}
