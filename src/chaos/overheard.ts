import { channels, type Presence, type Row } from '../core/channels.ts'
import { addressOf, topic } from '../core/topic.ts'

/** A request to an instance: from whom, and by which id it is answered. */
export interface Asked {
  readonly instance: string
  readonly client: string
  readonly id: string
}
/** A question for rows. */
export interface Question extends Asked {
  readonly root: string
  readonly feed: string
  readonly epoch: string
  readonly from: number
}

/** What a client hears of the others when it listens to everything: the latest of each kind. */
export class Overheard {
  row: { readonly instance: string; readonly feed: string; readonly row: Row } | undefined
  question: Question | undefined
  request: Asked | undefined
  readonly presence = new Map<string, Presence>()
  readonly #own: string

  /** @param own the instance-id of the listener, who is none of the others */
  constructor(own: string) {
    this.#own = own
  }

  /** What has to be subscribed to. */
  static topics(root: string): string[] {
    const { feed, replay, query, request, presence } = channels
    return [feed, replay, query, request, presence].map((channel) => topic(channel, { root }))
  }

  /** Takes a message; nothing that is no JSON is of use. @returns whether another was asked something */
  hear(where: string, payload: string): boolean {
    const row = addressOf(channels.feed, where)
    const question = addressOf(channels.replay, where)
    const presence = addressOf(channels.presence, where)
    const request = addressOf(channels.query, where) ?? addressOf(channels.request, where)
    if ((row ?? question ?? presence ?? request)?.instance === this.#own) return false
    try {
      const said = JSON.parse(payload)
      if (row) this.row = { ...row, row: said }
      if (presence) this.presence.set(presence.instance, said)
      if (question) this.question = { ...said, ...question }
      if (request) this.request = { ...request, id: said.id }
      return question !== undefined || request !== undefined
    } catch {
      // An empty retained message, say.
      return false
    }
  }
}
