/**
 * An agent that nobody wants in a lab, as a process of its own: its rows are malformed, its documents are none,
 * and it speaks in others' names and would take their places. It has MQTT alone, so that nothing of ocs' own client keeps
 * it from being wrong. What it has done stands in a log, a line each; behind # why it began again.
 */
import { appendFileSync } from 'node:fs'
import mqtt, { type MqttClient } from 'mqtt'
import { channels } from '../core/channels.ts'
import { messageOf, TransportError } from '../core/errors.ts'
import { addressesIn } from '../core/host-port.ts'
import { pause } from '../core/pause.ts'
import { addressOf, topic } from '../core/topic.ts'
import { findCredentials } from '../principals/credentials.ts'
import { createRandom } from '../simulators/random.ts'
import { heldNoise, NOISE, noisyAnswer, noisyRow, type Pick } from './noise-feed.ts'
import type { UserKeys } from './other-broker.ts'
import { Overheard } from './overheard.ts'
import { REALM } from './places.ts'
import { answers, inAnothersName, inOwnName, type Wrong } from './wrong-messages.ts'

/** Milliseconds from one wrong to the next, and to the next connection where the hub is away. */
const NEXT_MS = 100
const AGAIN_MS = 250
/** Milliseconds that the hub has to answer, or to cut a client. */
const HUB_MS = 1000
/** Rows in an answer, and wrongs from one presence to the next. */
const ROWS = 100
const BEAT = 20

/** What it is told: where the hub is, its own instance-id, the log, a seed, and whose places it would take. */
export interface ForeignArgs {
  readonly url: string
  /** What it shows a broker of others; at the hub it is whoever runs it. */
  readonly keys?: UserKeys | undefined
  readonly root: string
  readonly instance: string
  readonly log: string
  readonly seed: number
  readonly others: readonly string[]
}

/** Misbehaves until the signal. @param args one: `ForeignArgs` as JSON */
export default async function main({
  args,
  signal,
}: {
  readonly args: readonly string[]
  readonly signal: AbortSignal
}): Promise<void> {
  const agent = new ForeignAgent(JSON.parse(args[0] ?? '') as ForeignArgs)
  while (!signal.aborted) {
    await agent.misbehave(signal).catch((error: unknown) => agent.note(`#${messageOf(error)}`))
    await pause(AGAIN_MS, signal)
  }
}

class ForeignAgent {
  readonly #told: ForeignArgs
  readonly #here: { readonly root: string; readonly instance: string }
  readonly #random: () => number
  readonly #pick: Pick
  readonly #heard: Overheard
  readonly #epoch = `f${Date.now()}`
  readonly #rows: string[] = []
  #throwaway = 0

  constructor(told: ForeignArgs) {
    this.#told = told
    this.#here = { root: told.root, instance: told.instance }
    // Another sequence each time it is started.
    this.#random = createRandom(told.seed + process.pid)
    this.#pick = (list) => list[Math.floor(this.#random() * list.length)] as (typeof list)[number]
    this.#heard = new Overheard(told.instance)
  }

  /** Goes on until the hub is lost. */
  async misbehave(signal: AbortSignal): Promise<void> {
    const { root, instance } = this.#here
    const client = await this.#connect(instance)
    client.on('message', (where, payload) => {
      const heard = this.#heard.hear(where, String(payload))
      // At once: it may be there before the true answer.
      if (heard && this.#random() < 0.5) this.#say(client, answers(this.#here, this.#heard))
      const asked = addressOf(channels.replay, where)
      if (asked?.instance === instance) this.#answer(client, asked.client, String(payload))
    })
    const ended = new Promise<void>((resolve) => client.once('close', () => resolve()))
    const stop = () => client.end(true)
    signal.addEventListener('abort', stop)
    try {
      // A broker of others refuses what it does not give out; a hub that is lost grants nothing any more.
      const asked = Overheard.topics(root).map((filter) => client.subscribeAsync(filter))
      await Promise.race([Promise.allSettled(asked), ended])
      for (let n = 0; client.connected && !signal.aborted; n++) {
        if (n % BEAT === 0) this.#beat(client)
        const turn = this.#random()
        if (turn < 0.6) this.#row(client)
        else if (turn < 0.8) this.#say(client, inOwnName(this.#here, NOISE, this.#heard))
        else if (turn < 0.95) await this.#forge()
        else await this.#intrude()
        await pause(NEXT_MS, signal)
      }
    } finally {
      signal.removeEventListener('abort', stop)
      client.end(true)
    }
  }

  /** Adds to its log what was wrong, if anything was. */
  note(wrong: string | undefined): void {
    if (wrong !== undefined) appendFileSync(this.#told.log, `${wrong}\n`)
  }

  /** Says one of some things in its own name. */
  #say(client: MqttClient, wrongs: readonly Wrong[]): void {
    const wrong = this.#pick(wrongs)
    client.publish(wrong.topic, wrong.payload, { retain: wrong.retain ?? false })
    this.note(wrong.kind)
  }

  /** Says something in another's name, on a connection that it may lose. */
  async #forge(): Promise<void> {
    const { root, instance } = this.#here
    const wrongs = inAnothersName(root, this.#heard)
    if (wrongs.length === 0) return
    const wrong = this.#pick(wrongs)
    const client = await this.#connect(`${instance}-${++this.#throwaway}`)
    const cut = new Promise<void>((resolve) => client.once('close', () => resolve()))
    client.publish(wrong.topic, wrong.payload, { retain: wrong.retain ?? false })
    await Promise.race([cut, pause(HUB_MS, new AbortController().signal)])
    this.note(`${wrong.kind} in another’s name: ${client.connected ? 'not cut yet' : 'cut'}`)
    client.end(true)
  }

  /** Comes under another's id. Who is away just now has its place back at once. */
  async #intrude(): Promise<void> {
    const place = await this.#connect(this.#pick(this.#told.others)).catch(() => undefined)
    this.note(`another’s place: ${place ? 'it was away' : 'refused'}`)
    place?.end(true)
  }

  /** The next row of its own feed. */
  #row(client: MqttClient): void {
    const [wrong, text] = noisyRow(this.#epoch, this.#rows.length + 1, Date.now() / 1000, this.#pick)
    this.#rows.push(text)
    client.publish(topic(channels.feed, { ...this.#here, feed: NOISE }), text)
    this.note(wrong)
  }

  #answer(client: MqttClient, asker: string, payload: string): void {
    const { id, feed, epoch, from } = JSON.parse(payload)
    const rows = epoch === this.#epoch ? this.#rows.slice(from - 1, from - 1 + ROWS) : []
    const [wrong, text] = noisyAnswer({ feed, epoch, from }, rows, this.#pick)
    client.publish(topic(channels.replayed, { ...this.#here, client: asker, id }), text)
    this.note(wrong)
  }

  #beat(client: MqttClient): void {
    const now = Date.now() / 1000
    const about = { agent_class: 'ForeignAgent', host: 'elsewhere', pid: process.pid, version: '0' }
    const feeds = heldNoise(this.#epoch, this.#rows.length)
    const beat = { state: 'online', session: this.#epoch, since: now, time: now, ...about, feeds }
    client.publish(topic(channels.presence, this.#here), JSON.stringify(beat), { retain: true })
  }

  /** Connects once. @throws TransportError when the hub is away, or will not have it */
  #connect(clientId: string): Promise<MqttClient> {
    const { keys } = this.#told
    // Of several nodes it goes to one, whichever that is.
    const url = this.#pick(addressesIn(this.#told.url))
    const shown = findCredentials({ url, realm: REALM, broker: keys, env: process.env })
    const client = mqtt.connect(url, {
      ...(shown && { username: shown.principal, password: shown.password ?? shown.tokens.join('.') }),
      ...{ clientId, protocolVersion: 4, clean: true, keepalive: 10 },
      ...{ reconnectPeriod: 0, connectTimeout: HUB_MS },
    })
    let why = 'the connection was closed'
    client.on('error', ({ message }) => {
      why = message
    })
    return new Promise((resolve, reject) => {
      client.once('connect', () => resolve(client))
      client.once('close', () => reject(new TransportError(why)))
    })
  }
}
