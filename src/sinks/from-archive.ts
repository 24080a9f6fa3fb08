/**
 * Fetches from archive nodes the rows that agents no longer hold, after the sink or its database was away.
 */

import { feedAddress } from '../core/channels.ts'
import { type DataAnswer, FieldsAnswer, DataAnswer as Shape } from '../core/data-node.ts'
import { messageOf, OpError, TransportError } from '../core/errors.ts'
import type { Lab, LabAgents } from '../core/lab.ts'
import { pause } from '../core/pause.ts'
import type { Wire } from '../core/wire.ts'
import { type Origin, type Protocol, pointsOf } from './line-protocol.ts'
import type { RowWriter } from './row-writer.ts'
import type { Missed, Written } from './written.ts'

/** Milliseconds between two checks, and seconds that an archive has to answer. */
const LOOK_MS = 5000
const ANSWER_S = 30
/** Seconds of data in the first request; then adjusted so that an answer has about this many values. */
const FIRST_S = 60
const VALUES = 100_000
/** Number of fields requested at once. */
const FIELDS = 1000

/** What filling needs. */
interface Filling {
  readonly lab: Lab
  readonly agents: Pick<LabAgents, 'instances'>
  readonly writer: RowWriter
  readonly written: Written
  readonly protocol: Protocol
  /** Whether agents still have rows to deliver: what they hold is not requested from archives. */
  behind(): boolean
}

/** Fills in missed data until the signal aborts. */
export class FromArchive {
  readonly #filling: Filling
  #why: string | undefined
  /** Number of points written from archives. */
  points = 0

  constructor(filling: Filling) {
    this.#filling = filling
  }

  /** Why data stay missing for now; undefined if none do. */
  get problem(): string | undefined {
    const feeds = this.#filling.written.missed.map(([key]) => key)
    if (feeds.length === 0 || this.#why === undefined) return undefined
    const named = `${feeds.slice(0, 3).join(', ')}${feeds.length > 3 ? ', …' : ''}`
    return `rows of ${named} are no longer held by their agents and not in the database: ${this.#why}`
  }

  async run(signal: AbortSignal): Promise<void> {
    const { writer, written, behind } = this.#filling
    while (!signal.aborted) {
      await pause(LOOK_MS, signal)
      if (behind() || writer.problem !== undefined || writer.waiting > 0) continue
      for (const [key, missed] of written.missed) {
        if (signal.aborted) return
        await this.#fill(key, missed, signal)
      }
    }
  }

  async #fill(key: string, missed: Missed, signal: AbortSignal): Promise<void> {
    const { lab, agents } = this.#filling
    const [instance = '', feed = ''] = key.split('/')
    const origin = { root: lab.root, instance, feed }
    const archives = [...agents.instances].filter(
      ([, { state, api }]) => state === 'online' && api?.node?.archive,
    )
    this.#why = 'no running archive node has them (ocs datanode archive)'
    for (const [archive] of archives) {
      try {
        const before = this.points
        if (!(await this.#fillFrom(archive, origin, key, missed, signal))) continue
        this.#why = undefined
        lab.event(
          'info',
          'filled',
          `${key}: ${this.points - before} points no longer held by the agent were read from ${archive}`,
        )
        return
      } catch (error) {
        if (!(error instanceof TransportError || error instanceof OpError)) throw error
        this.#why = messageOf(error)
      }
    }
  }

  /** False if an archive has no data of the feed. */
  async #fillFrom(
    archive: string,
    origin: Origin,
    key: string,
    { from, to }: Missed,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { lab, writer, written } = this.#filling
    const found = await lab.ask(archive, 'get_fields', { start: from, end: to }, ANSWER_S)
    const prefix = `${feedAddress(lab.root, origin.instance, origin.feed)}.`
    const sources = Object.values(FieldsAnswer.parse(found).fields)
      .map(({ source = '' }) => source)
      .filter((source) => source.startsWith(prefix))
    if (sources.length === 0) return false
    let span = FIRST_S
    for (let start = from; start < to && !signal.aborted; ) {
      const end = Math.min(to, start + span)
      const points: string[] = []
      let values = 0
      for (let at = 0; at < sources.length; at += FIELDS) {
        const fields = sources.slice(at, at + FIELDS)
        const given = await lab.ask(archive, 'get_data', { fields, start, end, packed: true }, ANSWER_S)
        const answer = Shape.parse(given)
        values += Object.values(answer.data).reduce((sum, { length }) => sum + length, 0)
        points.push(...this.#pointsOf(answer, origin, prefix))
      }
      if (points.length > 0) await writer.put(points, signal)
      if (signal.aborted) break
      this.points += points.length
      written.filled(key, end)
      start = end
      span = Math.max(1, values === 0 ? 10 * span : Math.min(10 * span, (span * VALUES) / values))
    }
    return true
  }

  #pointsOf({ data, timeline, fields }: DataAnswer, origin: Origin, prefix: string): string[] {
    const lines = Map.groupBy(Object.entries(fields), ([, about]) => about.timeline)
    return [...lines].flatMap(([line, list]) => {
      const block = list.map(([source, { recorded }]) => {
        const field = source.slice(prefix.length)
        return [source, recorded ?? { field, type: 'double' as const }] as const
      })
      const columns = block.map(([source, { field }]) => [field, data[source] as Wire[]] as const)
      const of = (key: 'agent_class' | 'exclude_influx') => block.find(([, about]) => about[key])?.[1][key]
      const declared = {
        agent_class: String(of('agent_class') ?? ''),
        exclude_influx: of('exclude_influx') === true,
        blocks: { '': Object.fromEntries(block.map(([, about]) => [about.field, about])) },
      }
      const row = { block: '', t: timeline[line]?.t ?? [], data: Object.fromEntries(columns) }
      return pointsOf(origin, declared, row, this.#filling.protocol)
    })
  }
}
