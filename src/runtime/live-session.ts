import type { SessionHandle } from '../core/agent.ts'
import { type OpSession, opCodeOf } from '../core/ops.ts'
import { redact } from '../core/redact.ts'
import { jsonWithNumbers } from '../core/wire.ts'

/** Messages a session keeps, and characters of each; older ones go. */
const MESSAGES = 100
const MESSAGE_LENGTH = 10_000
/** Characters of JSON that a session's data may have: it is retained, and shown again and again. */
const DATA_LENGTH = 1 << 20

/** The order of a session's statuses; it only ever goes forward. */
const order = ['starting', 'running', 'stopping', 'done'] as const satisfies readonly OpSession['status'][]

interface Told {
  /** The session changed: its status or degraded (`now`), or only its data and messages. */
  changed(session: OpSession, now: boolean): void
  log(text: string): void
}

/** One session while its operation runs: the document that everyone reads, and what may change it. */
export class LiveSession {
  readonly doc: OpSession
  readonly #told: Told
  #tooLarge = false

  constructor(
    about: Pick<OpSession, 'session_id' | 'op_name' | 'started_by'> & Partial<OpSession>,
    told: Told,
  ) {
    this.#told = told
    this.doc = {
      op_code: opCodeOf(undefined),
      status: 'starting',
      degraded: false,
      success: null,
      start_time: Date.now() / 1000,
      end_time: null,
      data: {},
      messages: [],
      ...about,
    }
    this.#announce()
  }

  get active(): boolean {
    return this.doc.status !== 'done'
  }

  /** Goes forward to a status; what lies behind it already is left alone. */
  advance(status: 'running' | 'stopping'): void {
    if (order.indexOf(status) <= order.indexOf(this.doc.status)) return
    this.doc.status = status
    this.#announce()
  }

  /** Ends it. What its operation does afterwards changes nothing. */
  finish(success: boolean): void {
    if (!this.active) return
    Object.assign(this.doc, { status: 'done', success, degraded: false, end_time: Date.now() / 1000 })
    this.#announce()
  }

  /** Adds a line to its messages and to the log. */
  say(text: string): void {
    if (!this.active) return
    this.#message(text)
    this.#told.changed(this.doc, false)
  }

  /** The session as the operation's function is handed it. */
  handle(): SessionHandle<unknown> {
    const session = this
    return {
      get data() {
        return session.doc.data
      },
      set: (data) => this.#setData(data),
      get degraded() {
        return session.doc.degraded
      },
      set degraded(now) {
        session.#setDegraded(now)
      },
      log: (text) => this.say(text),
    }
  }

  #setData(data: unknown): void {
    const json = jsonWithNumbers(data)
    if (!this.active) return
    const length = JSON.stringify(json ?? null).length
    if (length > DATA_LENGTH && !this.#tooLarge) {
      this.say(`Its data is not shown: ${length} characters of JSON, at most ${DATA_LENGTH} are.`)
    }
    this.#tooLarge = length > DATA_LENGTH
    this.doc.data = this.#tooLarge ? {} : json
    this.#told.changed(this.doc, false)
  }

  #setDegraded(now: boolean): void {
    if (!this.active || this.doc.degraded === now) return
    this.doc.degraded = now
    this.doc.op_code = opCodeOf(this.doc)
    this.#told.changed(this.doc, true)
  }

  #announce(): void {
    this.doc.op_code = opCodeOf(this.doc)
    this.#message(`Status is now "${this.doc.status}".`)
    this.#told.changed(this.doc, true)
  }

  #message(said: string): void {
    const text = redact(said)
    const { messages, op_name } = this.doc
    const line = text.length > MESSAGE_LENGTH ? `${text.slice(0, MESSAGE_LENGTH)}…` : text
    messages.push([Date.now() / 1000, line])
    if (messages.length > MESSAGES) messages.splice(0, messages.length - MESSAGES)
    this.#told.log(`${op_name}: ${line}`)
  }
}
