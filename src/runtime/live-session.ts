import type { SessionHandle } from '../core/agent.ts'
import { addTransition, type OpSession, opCodeOf, stateOf, type Transition } from '../core/ops.ts'
import { redact } from '../core/redact.ts'
import { jsonWithNumbers } from '../core/wire.ts'

/** The most messages that a session keeps, and the longest message in characters; the oldest are dropped. */
const MESSAGES = 100
const MESSAGE_LENGTH = 10_000
/** The longest reason of a transition, in characters: all reasons stay with the session. */
const REASON_LENGTH = 300
/** The longest session data, in characters of JSON: the data are retained and shown again and again. */
const DATA_LENGTH = 1 << 20

/** The order of a session's statuses; it only ever goes forward. */
const order = ['starting', 'running', 'stopping', 'done'] as const satisfies readonly OpSession['status'][]

/**
 * A change of a session. `state`: its status, `degraded`, or the reason for it; `soon`: its messages, or data
 * needed soon; `data`: other data.
 */
export type SessionChange = 'state' | 'soon' | 'data'

interface Told {
  changed(session: OpSession, change: SessionChange): void
  log(text: string): void
}

/** One session while its operation runs: the document that everyone reads, and the methods that change it. */
export class LiveSession {
  readonly doc: OpSession
  readonly #told: Told
  readonly #kinds: ('status' | 'said')[] = []
  /**
   * The message of this turn of the event loop: an earlier or later one need not be the reason for a change
   * of state.
   */
  #said = ''
  /** Whether the session turned degraded in this turn. */
  #justDegraded = false
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
      message_kinds: this.#kinds,
      transitions: [],
      ...about,
    }
    this.#announce(this.doc.start_time)
  }

  get #last(): Transition | undefined {
    return this.doc.transitions?.at(-1)
  }

  get active(): boolean {
    return this.doc.status !== 'done'
  }

  /**
   * Advances to a status; does nothing if the session is already past it.
   * @param why the reason recorded with the transition
   */
  advance(status: 'running' | 'stopping', why = ''): void {
    if (order.indexOf(status) <= order.indexOf(this.doc.status)) return
    this.doc.status = status
    this.#announce(undefined, why)
  }

  /** Ends the session. What its operation does afterwards changes nothing. */
  finish(success: boolean): void {
    if (!this.active) return
    const end_time = Date.now() / 1000
    Object.assign(this.doc, { status: 'done', success, degraded: false, end_time })
    this.#announce(end_time)
  }

  /** Adds a line to the session's messages and to the log. */
  say(text: string): void {
    if (!this.active) return
    const line = this.#message('said', text, Date.now() / 1000)
    this.#said = line
    queueMicrotask(() => {
      this.#said = ''
    })
    const last = this.#last
    // Some operations say what is wrong only after they have turned degraded.
    if (this.#justDegraded && last?.[1] === 'degraded' && last[2] === '') last[2] = cut(line, REASON_LENGTH)
    this.#told.changed(this.doc, 'soon')
  }

  /** The session as passed to the operation's function. */
  handle(): SessionHandle<unknown> {
    const session = this
    return {
      get data() {
        return session.doc.data
      },
      set: (data, soon = false) => this.#setData(data, soon),
      get degraded() {
        return session.doc.degraded
      },
      set degraded(now) {
        session.#setDegraded(now)
      },
      degrade(why) {
        session.#degrade(why)
      },
      log: (text) => this.say(text),
    }
  }

  #setData(data: unknown, soon: boolean): void {
    const json = jsonWithNumbers(data)
    if (!this.active) return
    const length = JSON.stringify(json ?? null).length
    if (length > DATA_LENGTH && !this.#tooLarge) {
      this.say(`Its data is not shown: ${length} characters of JSON, more than the limit of ${DATA_LENGTH}.`)
    }
    this.#tooLarge = length > DATA_LENGTH
    this.doc.data = this.#tooLarge ? {} : json
    this.#told.changed(this.doc, soon ? 'soon' : 'data')
  }

  /** Reports each new reason for being degraded. */
  #degrade(why: string): void {
    const isSame = this.doc.degraded && this.#last?.[2] === cut(redact(why), REASON_LENGTH)
    if (!this.active || isSame) return
    if (this.#said !== why) this.say(why)
    if (this.doc.degraded) this.#change(Date.now() / 1000, true)
    else this.#setDegraded(true)
  }

  #setDegraded(now: boolean): void {
    if (!this.active || this.doc.degraded === now) return
    this.doc.degraded = now
    this.#justDegraded = now
    queueMicrotask(() => {
      this.#justDegraded = false
    })
    this.#change(Date.now() / 1000)
  }

  #announce(time = Date.now() / 1000, why?: string): void {
    this.#message('status', `Status is now "${this.doc.status}".`, time)
    this.#change(time, false, why)
  }

  /** Its status, `degraded`, or the reason for it has changed, at the given time. */
  #change(time: number, isOtherReason = false, given = ''): void {
    this.doc.op_code = opCodeOf(this.doc)
    const state = stateOf(this.doc)
    if (this.#last?.[1] !== state || isOtherReason) {
      const why = state === 'failed' || state === 'degraded' ? this.#said : given
      addTransition(this.doc, [time, state, cut(why, REASON_LENGTH)])
    }
    this.#told.changed(this.doc, 'state')
  }

  #message(kind: 'status' | 'said', said: string, time: number): string {
    const { messages, op_name } = this.doc
    const line = cut(redact(said), MESSAGE_LENGTH)
    messages.push([time, line])
    this.#kinds.push(kind)
    for (const list of [messages, this.#kinds])
      if (list.length > MESSAGES) list.splice(0, list.length - MESSAGES)
    this.#told.log(`${op_name}: ${line}`)
    return line
  }
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text
}
