/**
 * After the cool-down: waits until the compressor runs, the water flows and the 4K plate is cold, then heats the still in
 * steps and tells what the refrigerator does at each. However it ends, the still is as it was before.
 *
 *     ocs run cool-down.ts --below 4.5 --outputs 10,20,30 --seconds 600
 */
import { parseArgs } from 'node:util'
import { cleanup, connect, type FeedRow, OpError, type Script, UsageError } from 'ocs'
import type cryomech from 'ocs/agents/cryomech-cpa'
import type lakeshore240 from 'ocs/agents/lakeshore240'
import type lakeshore372 from 'ocs/agents/lakeshore372'
import type coolingWater from './cooling-water.ts'

/** The scanned channel of the still's thermometer. */
const STILL = 3

/** Runs the steps. */
export default async function coolDown({ args, signal }: Script): Promise<void> {
  const { below, outputs, seconds, lab } = planOf(args)
  await using compressor = await connect<typeof cryomech>('compressor', { signal, ...lab })
  await using water = await connect<typeof coolingWater>('cooling-water', { signal, ...lab })
  await using stages = await connect<typeof lakeshore240>('ls240', { signal, ...lab })
  await using fridge = await connect<typeof lakeshore372>('ls372', { signal, ...lab })

  if ((await next(compressor.feeds.ptc_status, 'Compressor_State')) !== 1)
    throw new OpError('the compressor is off: switch it on first')
  say(`the compressor runs, with ${await next(water.feeds.water, 'flow')} l/min of water`)
  let plate = Infinity
  while (!(plate < below)) plate = await next(stages.feeds.temperatures, 'Channel_1_T')
  say(`the 4K plate is at ${plate.toFixed(2)} K`)

  await using _lock = await fridge.lock('cool-down.ts')
  await using undo = cleanup()
  const { always } = fridge
  const scan = (await fridge.get_scan()).data
  const still = (await fridge.get_still_output()).data as { still_heater_still_out: number }
  undo.defer(() => say('the still and the scanner are as they were'))
  undo.defer(() => always.set_still_output({ output: still.still_heater_still_out }))
  undo.defer(() => always.set_active_channel({ channel: scan.channel }))
  undo.defer(() => always.set_autoscan({ autoscan: scan.autoscan }))
  await fridge.set_autoscan({ autoscan: false })
  await fridge.set_active_channel({ channel: STILL })
  const name = `Channel_${String(STILL).padStart(2, '0')}_T`
  for (const output of outputs) {
    await fridge.set_still_output({ output })
    const seen: number[] = []
    let until = Infinity
    for await (const { time, values } of samples(fridge.feeds.temperatures)) {
      const kelvin = values[name]
      if (kelvin === undefined || !Number.isFinite(kelvin)) continue
      seen.push(kelvin)
      until = Math.min(until, time + seconds)
      if (time >= until) break
    }
    const late = seen.slice(seen.length >> 1)
    const mean = late.reduce((sum, kelvin) => sum + kelvin, 0) / late.length
    say(`still at ${output} %: ${mean.toPrecision(4)} K, ${seen.length} readings in ${seconds} s`)
  }
}

interface Sample {
  /** Unix s. */
  readonly time: number
  readonly values: Readonly<Record<string, number>>
}

/** The samples of a feed one by one. */
async function* samples(rows: AsyncIterable<FeedRow>): AsyncGenerator<Sample> {
  for await (const { times, values } of rows)
    for (const [at, time] of times.entries()) {
      const each = Object.entries(values).map(([name, all]) => [name, Number(all[at])])
      yield { time, values: Object.fromEntries(each) }
    }
}

/** The value of a field in the next sample that has it. */
async function next(rows: AsyncIterable<FeedRow>, field: string): Promise<number> {
  for await (const { values } of samples(rows)) {
    const value = values[field]
    if (value !== undefined) return value
  }
  throw new OpError('the feed ended')
}

function planOf(args: readonly string[]) {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: { below: text, outputs: text, seconds: text, hub: text },
  })
  const outputs = (values.outputs ?? '10,20,30').split(',').map(Number)
  const [below, seconds] = [Number(values.below ?? 4.5), Number(values.seconds ?? 600)]
  if (!outputs.every((output) => output >= 0 && output <= 100) || !(below > 0) || !(seconds > 0))
    throw new UsageError('cool-down.ts [--below K] [--outputs %,%,…] [--seconds S at each] [--hub URL]')
  return { below, outputs, seconds, lab: { hub: values.hub } }
}

function say(text: string): void {
  process.stderr.write(`${new Date().toISOString()} ${text}\n`)
}
