import type { Bus } from '../bus/bus.ts'
import { channels, type Reply, type Request } from '../core/channels.ts'
import { messageOf } from '../core/errors.ts'
import { ResponseCode } from '../core/ops.ts'

/** Answers are remembered this long (ms) and this many, so that a request that comes twice acts once. */
const REMEMBER_MS = 600_000
const REMEMBER = 1000
/** Characters of JSON an answer carries at once; a longer result goes in pieces. */
const PIECE = 262_144

type Answer = Omit<Reply, 'id'>

/** The answering half of every request: refuses late ones, lets repeated ones act once, sends the reply. */
export class Requests {
  readonly #bus: Bus
  readonly #root: string
  readonly #instance: string
  readonly #onBug: (error: unknown) => void
  readonly #remembered = new Map<string, { readonly at: number; readonly answer: Promise<Answer> }>()

  constructor(bus: Bus, root: string, instance: string, onBug: (error: unknown) => void) {
    this.#bus = bus
    this.#root = root
    this.#instance = instance
    this.#onBug = onBug
  }

  /** Acts on a request and answers its client. What only reads (`once` false) is not remembered. */
  async handle(
    client: string,
    request: Request,
    once: boolean,
    act: () => Answer | Promise<Answer>,
  ): Promise<void> {
    const late = Date.now() / 1000 - request.sent - request.timeout
    if (late > 0) {
      const msg = `This request came ${late.toFixed(1)} s after its time-out of ${request.timeout} s; not acted on.`
      return this.#reply(client, request.id, { status: ResponseCode.ERROR, msg })
    }
    if (!once) return this.#reply(client, request.id, await this.#act(act))
    const key = `${client}\n${request.id}`
    let known = this.#remembered.get(key)
    if (!known) {
      known = { at: performance.now(), answer: this.#act(act) }
      this.#remembered.set(key, known)
      this.#forget()
    }
    return this.#reply(client, request.id, await known.answer)
  }

  async #act(act: () => Answer | Promise<Answer>): Promise<Answer> {
    try {
      return await act()
    } catch (error) {
      this.#onBug(error)
      return { status: ResponseCode.ERROR, msg: messageOf(error) }
    }
  }

  async #reply(client: string, id: string, answer: Answer): Promise<void> {
    if (!this.#bus.connected) return
    const address = { root: this.#root, instance: this.#instance, client, id }
    const { result, ...rest } = answer
    const text = result === undefined ? '' : JSON.stringify(result)
    if (text.length <= PIECE) {
      return this.#bus.publish(channels.reply, address, { id, ...answer })
    }
    const parts = Math.ceil(text.length / PIECE)
    for (let part = 0; part < parts; part++) {
      const piece = text.slice(part * PIECE, (part + 1) * PIECE)
      await this.#bus.publish(channels.reply, address, { id, ...rest, piece, part, parts })
    }
  }

  #forget(): void {
    const old = performance.now() - REMEMBER_MS
    for (const [key, { at }] of this.#remembered) {
      if (at > old && this.#remembered.size <= REMEMBER) break
      this.#remembered.delete(key)
    }
  }
}
