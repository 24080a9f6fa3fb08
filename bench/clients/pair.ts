import { join } from 'node:path'
import type { Running } from '../../test/real/roles.ts'
import { PYTHON } from '../anchors/ocs-python.ts'
import type { Hub } from '../bench.ts'
import type { BenchLab } from '../lab.ts'

/** The result of one order to a publisher and a subscriber; times in unix ms. */
export interface Exchange {
  readonly count: number
  readonly begun: number
  readonly last: number
  /** From sending to receiving, ms; only for a paced order. */
  readonly lags: readonly number[]
}
interface PairOptions {
  readonly lab: BenchLab
  readonly hub: Hub
  readonly wamp?: boolean
  /** QoS 1, which for WAMP is an acknowledged publication. */
  readonly acknowledged?: boolean
  /** Number of subscribers. */
  readonly listeners?: number
}

/** A publisher and a process of subscribers on a hub, which stay for all rounds, as agents do. */
export class Pair {
  readonly #publisher: Running
  readonly #listener: Running

  private constructor(publisher: Running, listener: Running) {
    this.#publisher = publisher
    this.#listener = listener
  }

  static async start({ lab, hub, wamp, acknowledged, listeners = 1 }: PairOptions): Promise<Pair> {
    const program = wamp
      ? [PYTHON, join(import.meta.dir, 'wamp_load.py')]
      : [process.execPath, join(import.meta.dir, 'mqtt-load.ts')]
    const topic = wamp ? 'observatory.feeder.feeds.temperatures' : 'observatory/feeder/feeds/temperatures'
    const client = async (mode: 'pub' | 'sub', connections: number) => {
      const args = [mode, hub.url, topic, acknowledged ? '1' : '0', String(connections)]
      const running = lab.program(`${mode}-${hub.running.name}`, [...program, ...args])
      await running.says('"ready"', 60)
      return running
    }
    const listener = await client('sub', listeners)
    return new Pair(await client('pub', 1), listener)
  }

  /**
   * Sends a number of messages, at a rate or as fast as possible, and waits until all have arrived or no more
   * do.
   */
  async exchange(messages: number, hertz = 0): Promise<Exchange> {
    const order = `${JSON.stringify({ messages, hertz })}\n`
    const patience = 120 + (hertz > 0 ? messages / hertz : 0)
    const marks = [this.#listener.mark, this.#publisher.mark]
    this.#listener.write(order)
    this.#publisher.write(order)
    const sent = await this.#publisher.says('"sent"', patience, marks[1])
    const got = await this.#listener.says('"count"', patience, marks[0])
    const { begun } = JSON.parse(sent.text) as { begun: number }
    return { ...(JSON.parse(got.text) as Omit<Exchange, 'begun'>), begun }
  }
}
