import type { Row } from '../../src/core/channels.ts'
import type { Lab, Running } from './roles.ts'

/** A row as received by Mosquitto's client. */
export interface Seen {
  readonly instance: string
  readonly feed: string
  readonly row: Row
  /** When it arrived, on the monotonic clock, ms. */
  readonly at: number
}

let listeners = 0

/**
 * Mosquitto's subscriber to the feeds of a lab: an observer that shares no code with the programs it
 * observes.
 */
export class Listener {
  readonly rows: Seen[] = []
  readonly #waiting = new Set<() => void>()
  readonly client: Running

  private constructor(lab: Lab, topic: string) {
    this.client = lab.program('mosquitto_sub', subscriber(`observer-${++listeners}`, topic, '%t %p'), {
      onLine: ({ at, from, text }) => {
        // It reports that it lost the hub, and tries again.
        if (from === 'err') return
        const [name = '', payload] = split(text)
        const [, instance = '', , feed = ''] = name.split('/')
        this.rows.push({ instance, feed, row: JSON.parse(payload), at })
        for (const look of [...this.#waiting]) look()
      },
    })
  }

  /** Subscribes; the hub must be running. It reconnects by itself when the hub comes back. */
  static async open(lab: Lab, topic = 'observatory/+/feeds/#'): Promise<Listener> {
    const listener = new Listener(lab, topic)
    await connected(lab)
    return listener
  }

  /** The first matching row after a time. @throws Error after `patience` s */
  next(fits: (seen: Seen) => boolean, after = performance.now(), patience = 20): Promise<Seen> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.rows.find((seen) => seen.at >= after && fits(seen))
        if (!found) return
        clearTimeout(timer)
        this.#waiting.delete(look)
        resolve(found)
      }
      const timer = setTimeout(() => {
        this.#waiting.delete(look)
        reject(new Error(`no such row on the bus within ${patience} s (${this.rows.length} rows came)`))
      }, patience * 1000)
      this.#waiting.add(look)
      look()
    })
  }
}

/** The command of a Mosquitto subscriber that prints each message in a format. */
export function subscriber(id: string, topic: string, format: string): string[] {
  const where = ['-h', '127.0.0.1', '-p', '1883', '-k', '30', '-i', id]
  return ['mosquitto_sub', ...where, '-t', topic, '-F', format]
}

/** The same with the account of the hub, which also receives requests, answers and acknowledgements. */
export function ownerSubscriber(lab: Lab, ...asked: Parameters<typeof subscriber>): string[] {
  const { username, password } = lab.owner
  return [...subscriber(...asked), '-u', username, '-P', password]
}

/**
 * Waits until a subscriber has had time to subscribe: a later subscription is confirmed after the earlier
 * ones.
 */
async function connected(lab: Lab): Promise<void> {
  const probe = lab.program('probe', ['mosquitto_sub', '-p', '1883', '-t', 'observatory/hub', '-E'])
  await probe.ended()
}

/** Splits a line `TOPIC PAYLOAD`. */
export function split(line: string): [topic: string, payload: string] {
  const at = line.indexOf(' ')
  return [line.slice(0, at), line.slice(at + 1)]
}
