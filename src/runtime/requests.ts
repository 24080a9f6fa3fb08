import type { Bus } from '../bus/bus.ts'
import { channels, type Reply, type Request } from '../core/channels.ts'
import { messageOf, TransportError } from '../core/errors.ts'
import { ResponseCode } from '../core/ops.ts'
import { withText } from '../core/wire.ts'
import type { Identity } from './identity.ts'

/** The most answers remembered; further requests are refused, so that none acts twice. */
const REMEMBER = 10_000
/** Longest JSON of one reply, in characters; a longer result is sent in pieces. */
const PIECE = 262_144

type Answer = Omit<Reply, 'id'>
/** An answer as it is sent. It becomes JSON at once, so that later changes of its objects do not alter it. */
type Packets = readonly string[]

/** The answering side of every request: refuses late ones, lets repeated ones act once, sends the reply. */
export class Requests {
  readonly #bus: Bus
  readonly #root: string
  readonly #instance: string
  readonly #onBug: (error: unknown) => void
  /**
   * By request: its answer, and until when (monotonic ms) the request may be repeated; after that it is
   * refused as late.
   */
  readonly #remembered = new Map<
    string,
    { readonly until: number; readonly answer: Packets | Promise<Packets> }
  >()

  constructor(bus: Bus, about: Pick<Identity, 'root' | 'instance'>, onBug: (error: unknown) => void) {
    this.#bus = bus
    this.#root = about.root
    this.#instance = about.instance
    this.#onBug = onBug
  }

  /**
   * Acts on a request and answers its client. Answers to read-only requests (`once` false) are not
   * remembered.
   */
  handle(
    client: string,
    request: Request,
    once: boolean,
    act: () => Answer | Promise<Answer>,
  ): Promise<void> {
    const late = Date.now() / 1000 - request.sent - request.timeout
    if (late > 0) {
      const msg = `This request came ${late.toFixed(1)} s after its time-out of ${request.timeout} s; not acted on.`
      return this.#reply(client, request.id, refusal(request.id, msg))
    }
    if (!once) return this.#reply(client, request.id, this.#act(request.id, act))
    const key = `${client}\n${request.id}`
    let known = this.#remembered.get(key)
    if (!known) {
      const why = this.#refuse(request)
      if (why) return this.#reply(client, request.id, refusal(request.id, why))
      known = { until: performance.now() - late * 1000, answer: this.#act(request.id, act) }
      this.#remembered.set(key, known)
    }
    return this.#reply(client, request.id, known.answer)
  }

  #act(id: string, act: () => Answer | Promise<Answer>): Packets | Promise<Packets> {
    const failed = (error: unknown): Packets => {
      this.#onBug(error)
      return packets(id, { status: ResponseCode.ERROR, msg: messageOf(error) })
    }
    try {
      const answer = act()
      if (answer instanceof Promise) return answer.then((told) => packets(id, told)).catch(failed)
      return packets(id, answer)
    } catch (error) {
      return failed(error)
    }
  }

  /**
   * Sends an answer. An answer that exists already is sent in this turn, so that one packet carries it and
   * the acknowledgement of the request. An answer that cannot be sent is lost: the client asks again, or
   * gives up.
   */
  async #reply(client: string, id: string, answer: Packets | Promise<Packets>): Promise<void> {
    const address = { root: this.#root, instance: this.#instance, client, id }
    try {
      for (const packet of answer instanceof Promise ? await answer : answer)
        if (this.#bus.connected) await this.#bus.publishText(channels.reply, address, packet)
    } catch (error) {
      if (!(error instanceof TransportError)) this.#onBug(error)
    }
  }

  /**
   * Why a request that changes something is refused; also forgets requests that can no longer be repeated.
   */
  #refuse({ sent }: Request): string | undefined {
    const now = performance.now()
    // An earlier process may have acted on it. Uses the uptime of this process, because the clock may have
    // been set meanwhile.
    if (sent * 1000 < Date.now() - now)
      return 'This request was sent before the agent started; not acted on: send it again.'
    for (const [key, { until }] of this.#remembered) {
      if (until >= now && this.#remembered.size < REMEMBER) break
      if (until < now) this.#remembered.delete(key)
    }
    return this.#remembered.size < REMEMBER ? undefined : 'Too many requests at a time; not acted on.'
  }
}

function refusal(id: string, msg: string): Packets {
  return packets(id, { status: ResponseCode.ERROR, msg })
}

/** @throws TypeError for a result that has no JSON form */
function packets(id: string, { result, ...rest }: Answer): Packets {
  const answer = { id, ...rest }
  const text = result === undefined ? undefined : JSON.stringify(result)
  if (text === undefined) return [JSON.stringify(answer)]
  if (text.length <= PIECE) return [withText(answer, 'result', text)]
  const parts = Math.ceil(text.length / PIECE)
  return Array.from({ length: parts }, (_, part) =>
    JSON.stringify({ ...answer, piece: text.slice(part * PIECE, (part + 1) * PIECE), part, parts }),
  )
}
