/** How SCPI supplies differ: how many channels they have, and how these are asked. */
import { TransportError } from '../core/errors.ts'
import { decimal, integer, onOff } from '../instrument/codec.ts'
import { type Part, whole } from '../instrument/parts.ts'
import type { Link } from '../instrument/transport/link.ts'

export const SELECT = 'INST:NSEL'
/** The most channels that a supply has. */
export const MOST = 4
/** Time-out for queries that a supply may not know, ms. */
const PATIENCE = 1000

/** SCPI numbers from here on mean infinity or not-a-number (9.9E37, 9.91E37). */
const NO_VALUE = 9.9e37

/** A measured value: `1.5`, or the element with its unit in `+0.1A,+1.5V,+3.2s`. */
export function measured(unit: 'V' | 'A'): Part<number> {
  const { decode, place } = whole(decimal)
  return {
    place,
    decode: (reply) => {
      const parts = reply.split(',').map((part) => part.trim())
      // With a decimal comma there are several, too.
      const isMarked = parts.every((part) => /[VAs]$/.test(part))
      const one = parts.length === 1 ? reply.trim() : parts.find((part) => isMarked && part.endsWith(unit))
      const value = decode((one ?? reply).replace(unit, ''))
      if (Math.abs(value) >= NO_VALUE) throw new TransportError(`the supply has no value: ${reply}`)
      return value
    },
  }
}

/** How a supply is asked. */
export interface Form {
  readonly count: number
  /** The commands that switch and query an output. */
  readonly output: 'CHAN:OUTP' | 'OUTP'
  readonly state: string
  /** Whether a measurement names its channel: `MEAS:VOLT? CH2`. */
  readonly isNamed: boolean
}

/** That of socs' models. */
export const formOf = (count: number): Form => {
  const output = count > 1 ? 'CHAN:OUTP' : 'OUTP'
  return { count, output, state: `${output}:STAT?`, isNamed: count > 1 }
}

/** Finds out how a supply of a model that is not known is asked. @throws TransportError when it answers nothing of that */
export async function findForm(link: Link, channels: number | undefined): Promise<Form> {
  const answers = async (command: string, decode: (reply: string) => unknown) => {
    try {
      return await link.read(command, decode, { timeout: PATIENCE })
    } catch {
      link.closed.throwIfAborted()
      return undefined
    }
  }
  let count = channels ?? MOST
  // A channel that there is not is not chosen; a supply of one has nothing to choose, and may not answer.
  for (; channels === undefined && count > 1; count--) {
    const chosen = await answers(`${SELECT} ${count}\n${SELECT}?`, integer.decode)
    if (chosen === count) break
    if (chosen === undefined) count = 2
  }
  const chooses = count > 1 ? `${SELECT} 1\n` : ''
  const queries = [...(count > 1 ? ['CHAN:OUTP:STAT?'] : []), 'OUTP:STAT?', 'OUTP?']
  for (const state of queries) {
    if ((await answers(chooses + state, onOff.decode)) === undefined) continue
    const isNamed =
      count > 1 && (await answers(`${chooses}MEAS:VOLT? CH1`, measured('V').decode)) !== undefined
    return { count, output: state.startsWith('CHAN') ? 'CHAN:OUTP' : 'OUTP', state, isNamed }
  }
  throw new TransportError(
    `${link.name}: ${link.identity} answers none of ${queries.join(', ')}: ${channels ? `has it ${channels} channels (--channels)?` : 'say how many channels it has: --channels'}`,
  )
}
