import { z } from 'zod'
import { defineAgent } from '../core/agent.ts'
import { poll } from '../core/poll.ts'
import { learntRhythm } from '../core/rhythm.ts'
import { fileForOthers } from '../machine/own-files.ts'
import { type ArchivedField, readArchive } from './apex-weather.ts'
import type { Block, Source } from './catalog.ts'
import { NodeName, nameClaims } from './node-instance.ts'
import { answering, getData, getFields } from './queries.ts'
import { Table } from './table.ts'

const OWN_ARCHIVE = fileForOthers('fixtures/weather')
const DAY = 86_400
/** Seconds of a shifted archive that are kept. */
const WEEK = 7 * DAY
/** How often the shifted archive is checked for samples that are due, Hz. */
const LOOK_HZ = 1

/**
 * The content of the weather node: an archive as it is, or repeated day after day up to now. Each field has
 * its own timeline, since one file may be hourly and another minutely.
 */
export class Weather implements Source {
  readonly blocks: readonly Block[]
  /** All samples, in time order. */
  readonly #samples: readonly { readonly t: number; readonly value: number; readonly table: Table }[]
  readonly #period: number
  #served = -Infinity

  constructor(archive: readonly ArchivedField[], shiftToNow: boolean) {
    const fields = archive.map(({ field, values, description, units }) => {
      const table = new Table(shiftToNow ? WEEK : Infinity)
      table.declare(field, 'number')
      const rhythm = learntRhythm([...values.keys()])
      const about = { description, units, ...(rhythm && { rhythm }) }
      return { feed: 'weather', name: field, table, values, describe: () => about }
    })
    this.blocks = fields
    this.#samples = fields
      .flatMap(({ table, values }) => Array.from(values, ([t, value]) => ({ t, value, table })))
      .sort((a, b) => a.t - b.t)
    const span = (this.#samples.at(-1)?.t ?? 0) - (this.#samples[0]?.t ?? 0)
    this.#period = Math.max(1, Math.ceil(span / DAY)) * DAY
    if (!shiftToNow) for (const { t, value, table } of this.#samples) table.add(t, () => value)
  }

  /**
   * Adds the samples of a shifted archive up to a time (unix s): at the same time of day as in the archive.
   */
  serveUntil(now: number): void {
    const first = this.#samples[0]?.t
    if (first === undefined) return
    const from = Math.max(this.#served, now - WEEK)
    for (let shift = Math.floor((from - first) / this.#period) * this.#period; ; shift += this.#period) {
      for (const { t, value, table } of this.#samples) {
        if (t + shift > now) return
        if (t + shift <= from) continue
        table.add(t + shift, () => value)
        this.#served = t + shift
      }
    }
  }
}

const node = defineAgent({
  class: 'WeatherDataNode',
  aliases: ['WeatherServer', 'ApexWeatherServer'],
  help: 'Serves a weather archive in the APEX text format to the bridge; a synthetic day is built in.',
  args: z.object({
    name: NodeName.default('weather').describe('first part of its metric names'),
    description: z.string().default('Archived APEX weather.').describe('description of the measurement'),
    archive: z.string().default(OWN_ARCHIVE).describe('folder of .dat files'),
    shift_to_now: z
      .boolean()
      .default(false)
      .describe('repeat the archive every day up to now, for demonstrations'),
  }),
  feeds: {},
  claims: nameClaims,
  serves: ({ name, description }) => ({ name, description }),
  connect: async ({ name, description, archive, shift_to_now }, lab) => {
    lab.announceNode({ name, description })
    const fields = await readArchive(archive)
    for (const fault of fields.flatMap(({ faults }) => faults)) lab.event('warning', 'archive', fault)
    return new Weather(fields, shift_to_now)
  },
}).process(
  'serve',
  { help: 'Serves the archive; a shifted one moves on with time.', startup: true },
  ({ args, instrument: weather, session, signal }) =>
    poll(LOOK_HZ, { session, signal }, async () => {
      if (args.shift_to_now) weather.serveUntil(Date.now() / 1000)
    }),
)

export default answering(node, getFields, getData)
