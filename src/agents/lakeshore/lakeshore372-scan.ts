import { messageOf, TransportError } from '../../core/errors.ts'
import type { Blocks } from '../../core/feed-spec.ts'
import { FieldName } from '../../core/names.ts'
import { type Cell, decimal, integer } from '../../instrument/codec.ts'
import type { Link } from '../../instrument/transport/link.ts'
import { type Connected, recall } from './lakeshore.ts'
import { heaterSetup, inputName, inputSetup, scanState } from './lakeshore372-settings.ts'

/** An input as it is set up: a scanned channel, or the control input `A`. */
export interface Input {
  readonly name: string
  readonly setup: ReturnType<typeof inputSetup.decode>
}

/** `channel`: `Channel_05`; `front-panel`: as socs does, by the name on the instrument. */
export type Naming = 'channel' | 'front-panel'

/** An instrument as it was found, or has been set up since: `inputs` is replaced whenever one changes. */
export interface Lakeshore372 extends Connected {
  /** Whether it answers commands chained by `;`. */
  readonly chains: boolean
  inputs: ReadonlyMap<string, Input>
  /** What blocks and fields of scanned channels are named after. */
  readonly naming: Naming
  /** What the sample heater's output is shown in. */
  heaterUnits: '%' | 'W'
  /** The channel connected as last seen; 0 when its reading has to settle anew. Times of the monotonic clock, ms. */
  readonly scan: { channel: number; settled: number; seen: number }
}

const channels = Array.from({ length: 16 }, (_, i) => String(i + 1))
const quietly = { priority: 'poll' } as const
/** ms to wait for the answer to the first chained message. */
const CHAIN_TIMEOUT = 1000

/** Asks an instrument for all that its readings depend on. */
export async function survey(link: Link): Promise<Omit<Lakeshore372, keyof Connected | 'naming'>> {
  const inputs = new Map<string, Input>()
  for (const key of [...channels, 'A']) inputs.set(key, await readInput(link, key))
  const chain = link.read('SCAN?;SCAN?', split(2), { timeout: CHAIN_TIMEOUT })
  const chains = await chain.then(
    () => true,
    (error) => {
      if (link.closed.aborted) throw error
      return false
    },
  )
  const { display } = await recall(link, 'HTRSET', 0, heaterSetup)
  const heaterUnits = display === 'power' ? 'W' : '%'
  return { inputs, chains, heaterUnits, scan: { channel: 0, settled: Infinity, seen: 0 } }
}

async function readInput(link: Link, key: string): Promise<Input> {
  const setup = await recall(link, 'INSET', key, inputSetup)
  const { name } = await recall(link, 'INNAME', key, inputName)
  return { name, setup }
}

/** Asks for an input's setup; its fields are declared anew where it has changed. */
export async function refresh(instrument: Lakeshore372, key: string): Promise<Input> {
  const fresh = await readInput(instrument.link, key)
  if (!Bun.deepEquals(fresh, instrument.inputs.get(key)))
    instrument.inputs = new Map([...instrument.inputs, [key, fresh]])
  return fresh
}

/** What its sensors can tell, K. */
const KELVIN = [0, 420] as const
/** Least step of a temperature, K. A resistance has ranges, and none of its own. */
const KELVIN_STEP = 1e-5
/** Seconds between two readings of what is always measured. */
const STEADY = 0.1

const STATUS =
  'sum of 1 CS OVL, 2 VCM OVL, 4 VMIX OVL, 8 VDIF OVL, 16 R over, 32 R under, 64 T over, 128 T under; 0 valid; -1 not read'
const BITS = {
  ...{ 1: 'CS OVL', 2: 'VCM OVL', 4: 'VMIX OVL', 8: 'VDIF OVL' },
  ...{ 16: 'R over', 32: 'R under', 64: 'T over', 128: 'T under' },
}

/** `01` … `16`. */
const twoDigits = (channel: number | string): string => String(channel).padStart(2, '0')

/**
 * Block of an input, and what its fields begin with. By front panel the block is the name as it stands there, the fields
 * have `_` for blanks (socs 0.6.4, lakeshore372/agent.py); the channel's own name where that makes no field name, or two
 * inputs have the same.
 */
export function namesOf({ inputs, naming }: Pick<Lakeshore372, 'inputs' | 'naming'>, key: string): Names {
  if (key === 'A') return { block: 'control_chan', field: 'control' }
  const channel = `Channel_${twoDigits(key)}`
  const name = inputs.get(key)?.name ?? ''
  const field = name.replaceAll(' ', '_')
  const taken = [...inputs].some(
    ([other, input]) => other !== key && other !== 'A' && input.name.replaceAll(' ', '_') === field,
  )
  const fits = FieldName.safeParse(`${field}_status`).success && !reserved.has(name) && !taken
  const anothers = /^Channel_\d\d$/.test(field) && field !== channel
  return naming === 'front-panel' && fits && !anothers
    ? { block: name, field }
    : { block: channel, field: channel }
}
interface Names {
  readonly block: string
  readonly field: string
}
/** Blocks that are there whatever the front panel says. */
const reserved = new Set([
  'control_chan',
  'control',
  'heaters',
  'sample_heater_out',
  'still_heater_out',
  'still_heater_still_out',
])

/** Seconds of the scanner's way round: each enabled channel has its pause and its dwell. One that is alone is read all the while. */
function roundOf(inputs: ReadonlyMap<string, Input>): number {
  const scanned = [...inputs].filter(([key, { setup }]) => key !== 'A' && setup.enabled)
  if (scanned.length < 2) return STEADY
  return scanned.reduce((sum, [, { setup }]) => sum + setup.pause + setup.dwell, 0)
}

/** A block for each enabled channel, so that each keeps its own times; a temperature where a curve is assigned. */
export function blocksOf(instrument: Pick<Lakeshore372, 'inputs' | 'naming' | 'heaterUnits'>): Blocks {
  const { inputs, heaterUnits } = instrument
  const round = roundOf(inputs)
  const blocks: Record<string, Blocks[string]> = {}
  for (const [key, { name, setup }] of inputs) {
    if (!setup.enabled && key !== 'A') continue
    const { block, field } = namesOf(instrument, key)
    const rhythm = key === 'A' ? STEADY : round
    blocks[block] = {
      ...(setup.curve > 0 && {
        [`${field}_T`]: { units: 'K', description: name, range: KELVIN, resolution: KELVIN_STEP, rhythm },
      }),
      [`${field}_R`]: { units: 'Ω', description: name, rhythm },
      [`${field}_status`]: { type: 'int', description: `${name}: ${STATUS}`, bits: BITS, rhythm },
    }
  }
  return {
    ...blocks,
    heaters: { sample_heater_output: { units: heaterUnits, description: 'sample heater, as shown' } },
    sample_heater_out: {
      sample_heater_out: { units: heaterUnits, description: 'manual output that was set' },
    },
    still_heater_out: { still_heater_out: { description: 'manual output that was set' } },
    still_heater_still_out: {
      still_heater_still_out: { units: '%', description: 'still output that was set' },
    },
  }
}

/** The fields of an instrument with a curve for each of 15 scanned channels. */
export function typicalBlocks(): Blocks {
  const setup = { enabled: true, dwell: 10, pause: 3, curve: 1, tempco: 1 }
  const inputs = new Map(channels.slice(0, 15).map((key) => [key, { name: '', setup }]))
  return blocksOf({ inputs, naming: 'channel', heaterUnits: '%' })
}

/** One reading: K, Ω and status; `T` only where a curve is assigned. */
export interface Reading {
  readonly T?: number
  readonly R: number
  readonly status: number
}

/** Bits of RDGST with which the resistance itself means nothing. */
const RESISTANCE_BAD = 63
/** A status that could not be read. */
const UNREAD = -1

/** Hears of a value that could not be read: of what kind it is, and why. */
export type Bad = (kind: string, why: string) => void

/** The value of a reply; undefined, and told, where it is none. */
function decoded<T>(
  query: string,
  { decode }: Pick<Cell<T>, 'decode'>,
  reply: string,
  bad: Bad,
): T | undefined {
  try {
    return decode(reply)
  } catch (error) {
    bad(query, `${query}: ${messageOf(error)}`)
    return undefined
  }
}

/**
 * What three replies say; NaN where the status does not warrant it. A bad value costs itself alone.
 * @throws TransportError when none can be read, so that the link gets in step again
 */
function reading({ setup }: Input, key: string, replies: readonly string[], bad: Bad): Reading {
  const [kelvin = '', ohms = '', bits = ''] = replies
  const T = setup.curve > 0 ? decoded(`RDGK? ${key}`, decimal, kelvin, bad) : undefined
  const R = decoded(`RDGR? ${key}`, decimal, ohms, bad)
  const status = decoded(`RDGST? ${key}`, integer, bits, bad)
  if (T === undefined && R === undefined && status === undefined)
    throw new TransportError(`input ${key}: no reading in ${JSON.stringify(replies.join(';'))}`)
  // What it has no value of it sends as 0, which is all that tells where the status was not read.
  const isValid = status === undefined ? R !== 0 : (status & RESISTANCE_BAD) === 0
  return {
    ...(setup.curve > 0 && { T: T && !status ? T : Number.NaN }),
    R: R !== undefined && isValid ? R : Number.NaN,
    status: status ?? UNREAD,
  }
}

const split = (count: number) => (reply: string) => {
  const parts = reply.split(';')
  if (parts.length !== count)
    throw new TransportError(`${count} answers expected, got ${JSON.stringify(reply)}`)
  return parts
}

/** Sends queries as one message, so that nothing happens between them; one by one to an instrument that cannot. */
async function ask<T>(
  { link, chains }: Lakeshore372,
  queries: string[],
  decode: (parts: string[]) => T,
): Promise<T> {
  if (chains) return link.read(queries.join(';'), (reply) => decode(split(queries.length)(reply)), quietly)
  const parts: string[] = []
  for (const query of queries) parts.push(await link.query(query, quietly))
  return decode(parts)
}

/** Reads the control input, which is measured all the while. */
export function readControl(instrument: Lakeshore372, bad: Bad): Promise<Reading> {
  const input = instrument.inputs.get('A')
  return ask(instrument, ['RDGK? A', 'RDGR? A', 'RDGST? A'], (replies) =>
    reading(input as Input, 'A', replies, bad),
  )
}

/** ms without a look at the scanner after which it may have been round: the shortest pause. */
const UNSEEN = 3000
/** ms between looks at the scanner while its channel settles, for somebody may turn it at the front panel. */
const SETTLING = 1000

/**
 * Reads the channel that is connected; undefined while it settles, or is not enabled. The scanner is asked before and after, in one message:
 * equal answers prove whose reading it is, and one of them does where the other cannot be read. After a switch the instrument repeats old readings for the channel's pause.
 * @param delay seconds to wait beyond the pause, cut to leave 1 s of the dwell
 */
export async function readScanned(
  instrument: Lakeshore372,
  delay: number,
  bad: Bad,
): Promise<{ readonly channel: number; readonly reading: Reading } | undefined> {
  const { scan, link } = instrument
  const now = performance.now()
  const { channel } = scan
  const input = instrument.inputs.get(String(channel))
  if (input !== undefined && now < scan.settled && now - scan.seen < SETTLING) return undefined
  if (input === undefined || now - scan.seen > UNSEEN) {
    return follow(instrument, (await link.read('SCAN?', scanState.decode, quietly)).channel, delay)
  }
  const queries = ['SCAN?', `RDGK? ${channel}`, `RDGR? ${channel}`, `RDGST? ${channel}`, 'SCAN?']
  const sample = await ask(instrument, queries, ([before = '', ...replies]) => {
    const after = replies.pop() ?? ''
    const seen = [before, after].map((reply) => decoded('SCAN?', scanState, reply, bad)?.channel)
    return { seen, reading: reading(input, String(channel), replies, bad) }
  })
  const seen = sample.seen.filter((one) => one !== undefined)
  const [last] = seen.slice(-1)
  if (last === undefined) throw new TransportError('SCAN?: no channel number in the reply')
  if (seen.some((one) => one !== channel)) return follow(instrument, last, delay)
  // Something was set meanwhile that makes the reading settle anew.
  if (scan.channel !== channel) return undefined
  scan.seen = now
  return now < scan.settled || !input.setup.enabled ? undefined : { channel, reading: sample.reading }
}

/** The scanner has moved: what the channel's readings depend on is asked anew, and its pause begins. */
async function follow(instrument: Lakeshore372, channel: number, delay: number): Promise<undefined> {
  const begun = performance.now()
  const { pause, dwell } = (await refresh(instrument, String(channel))).setup
  const wait = pause + Math.min(delay, Math.max(0, dwell - 1))
  Object.assign(instrument.scan, { channel, seen: begun, settled: begun + 1000 * wait })
}
