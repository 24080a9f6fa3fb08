/**
 * A measurement: heats a stage in steps, waits at each until its temperature holds, and writes what it then is to a CSV
 * file. However it ends (done, an error, Ctrl-C, a hub that dies), the heater is switched off and every setting is put back.
 *
 *     ocs run examples/measurement.ts --channel 6 --outputs 0,20,40 --file steps.csv
 *
 * Try it in the demo lab, which is still cooling down: `npm start` in one terminal, in another
 *
 *     npx ocs run examples/measurement.ts --range 0.1 --within 0.2 --window 10
 */
import { appendFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { cleanup, connect, type FeedRow, OpError, type Script, TimeoutError, UsageError } from 'ocs'
import type lakeshore372 from 'ocs/agents/lakeshore372'

const help = `ocs run examples/measurement.ts [--name value …]
  --instance   the agent of the Lake Shore 372 (control)
  --channel    the input that is measured (6)
  --range      of the sample heater, A (0.001)
  --outputs    steps, % of the range's current (0,50,100)
  --within     K by which the temperature may still move in --window seconds (0.0005)
  --window     seconds it has to hold that long (30)
  --patience   seconds after which a step that does not hold fails (900)
  --samples    readings taken at each step (50)
  --file       where they go (measurement.csv)
  --hub        the hub's address; by default the site file's in $OCS_CONFIG_DIR, else this machine's`

/** One valid reading: unix s, K, Ω. */
interface Reading {
  readonly time: number
  readonly kelvin: number
  readonly ohms: number
}

/** Runs the measurement. */
export default async function measurement({ args, signal }: Script): Promise<void> {
  const plan = planOf(args)
  if (!plan) return say(help)
  const { instance, channel, range, file } = plan

  await using ls372 = await connect<typeof lakeshore372>(instance, { signal, log: say, ...plan.lab })
  await using _lock = await ls372.lock('examples/measurement.ts')
  say(`connected to ${instance}, and alone with it`)

  // What is deferred here runs at the end of this function, last first, whatever ends it. `always` is what makes
  // it happen: these operations ignore Ctrl-C and are tried again while the hub or the instrument are away.
  await using undo = cleanup()
  undo.defer(() => say('everything is as it was before'))
  const { always } = ls372

  const heater = (await ls372.get_heater({ heater: 'sample' })).data
  const scan = (await ls372.get_scan()).data
  if (heater.range !== 0) throw new OpError(`the sample heater of ${instance} is on: is it in use?`)
  say('settings are known')

  const acq = await ls372.acq.status()
  if (acq?.status !== 'running') {
    undo.defer(() => always.acq.stop())
    await ls372.acq.start()
    say('acquisition started')
  }

  undo.defer(() => always.set_active_channel({ channel: scan.channel }))
  undo.defer(() => always.set_autoscan({ autoscan: scan.autoscan }))
  await ls372.set_autoscan({ autoscan: false })
  await ls372.set_active_channel({ channel })
  say(`the scanner stays on channel ${channel}`)

  undo.defer(() => always.set_output_mode({ heater: 'sample', mode: heater.mode }))
  undo.defer(() =>
    always.set_heater_output({ heater: 'sample', output: heater.output, display: heater.display }),
  )
  undo.defer(() => always.set_heater_range({ heater: 'sample', range: 'off' }))
  undo.defer(() => say('cleaning up; Ctrl-C again leaves the heater as it is'))
  await ls372.set_output_mode({ heater: 'sample', mode: 'Open Loop' })
  await ls372.set_heater_output({ heater: 'sample', output: 0, display: 'current' })
  await ls372.set_heater_range({ heater: 'sample', range })
  say('the heater is ready')

  writeFileSync(file, 'output_percent,time,kelvin,ohms\n')
  for (const output of plan.outputs) {
    await ls372.set_heater_output({ heater: 'sample', output })
    say(`heater at ${output} %`)
    const held = await untilItHolds(readings(ls372.feeds.temperatures.rows(), channel), plan)
    say(`${output} %: holds at ${held.toPrecision(5)} K`)
    let taken = 0
    for await (const { time, kelvin, ohms } of readings(ls372.feeds.temperatures.rows(), channel)) {
      appendFileSync(file, `${output},${time},${kelvin},${ohms}\n`)
      if (++taken === plan.samples) break
    }
    say(`${output} %: ${taken} readings taken`)
  }
  say(`done: ${file}`)
}

/** The valid readings of one channel. */
async function* readings(rows: AsyncIterable<FeedRow>, channel: number): AsyncGenerator<Reading> {
  const name = `Channel_${String(channel).padStart(2, '0')}`
  for await (const { block, times, values } of rows) {
    if (block !== name) continue
    for (const [at, time] of times.entries()) {
      const [kelvin, ohms] = [`${name}_T`, `${name}_R`].map((field) => Number(values[field]?.[at]))
      if (Number.isFinite(kelvin) && Number.isFinite(ohms)) yield { time, kelvin, ohms } as Reading
    }
  }
}

/**
 * The temperature, K, once it holds: the means of the first and the second half of a window are as good as equal.
 * @throws TimeoutError when it still moves after the plan's patience
 */
async function untilItHolds(
  readings: AsyncIterable<Reading>,
  { window, within, patience }: { window: number; within: number; patience: number },
): Promise<number> {
  const begun = performance.now()
  let recent: Reading[] = []
  for await (const reading of readings) {
    recent.push(reading)
    const since = reading.time - window
    const full = (recent[0]?.time ?? reading.time) <= since
    recent = recent.filter(({ time }) => time >= since)
    const middle = since + window / 2
    const before = mean(recent.filter(({ time }) => time < middle))
    const after = mean(recent.filter(({ time }) => time >= middle))
    if (full && Math.abs(after - before) < within) return after
    if (performance.now() - begun > 1000 * patience)
      throw new TimeoutError(`the temperature still moves after ${patience} s: ${before} K, then ${after} K`)
  }
  throw new OpError('the feed ended')
}

function mean(readings: readonly Reading[]): number {
  return readings.reduce((sum, { kelvin }) => sum + kelvin, 0) / readings.length
}

function planOf(args: readonly string[]) {
  const text = { type: 'string' } as const
  const names = [
    'instance',
    'channel',
    'range',
    'outputs',
    'within',
    'window',
    'patience',
    'samples',
    'file',
    'hub',
  ]
  let values: Readonly<Record<string, string | boolean | undefined>>
  try {
    const options = Object.fromEntries(names.map((name) => [name, text]))
    values = parseArgs({ args: [...args], options: { ...options, help: { type: 'boolean' } } }).values
  } catch (cause) {
    throw new UsageError(`${(cause as Error).message}\n${help}`, { cause })
  }
  const word = (name: string, otherwise: string) => String(values[name] ?? otherwise)
  const number = (name: string, otherwise: string) => {
    const value = Number(word(name, otherwise))
    if (!(value > 0)) throw new UsageError(`--${name} ${word(name, otherwise)}: give a number above 0`)
    return value
  }
  if (values['help']) return undefined
  const outputs = word('outputs', '0,50,100').split(',').map(Number)
  if (!outputs.every((output) => output >= 0 && output <= 100))
    throw new UsageError(`--outputs ${word('outputs', '')}: give numbers from 0 to 100, as in 0,50,100`)
  return {
    instance: word('instance', 'control'),
    channel: number('channel', '6'),
    range: number('range', '0.001'),
    outputs,
    within: number('within', '0.0005'),
    window: number('window', '30'),
    patience: number('patience', '900'),
    samples: number('samples', '50'),
    file: word('file', 'measurement.csv'),
    lab: { hub: values['hub'] === undefined ? undefined : word('hub', '') },
  }
}

function say(text: string): void {
  process.stderr.write(`${new Date().toISOString()} ${text}\n`)
}
