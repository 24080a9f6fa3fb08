import { UsageError } from '../core/errors.ts'
import { createRandom } from './random.ts'

/** What can go wrong with one reply. */
export type ReplyFault =
  /**
   * The reply, and all later ones, are `ms` late; if that exceeds the reader's time-out, it is a late reply.
   */
  | { kind: 'delay'; ms: number }
  /** No reply, as after a byte lost in the query. */
  | { kind: 'missing' }
  /** Bytes of noise in place of the reply, then CRLF. */
  | { kind: 'garbage' }
  /** NUL bytes in front of the reply. */
  | { kind: 'nul' }
  /** The first half of the reply without a line end. */
  | { kind: 'half-line' }
  /** The reply in two pieces, `ms` apart. */
  | { kind: 'split'; ms: number }
  | { kind: 'duplicate' }
  /** In place of the reply the link breaks: TCP by RST, a pty vanishes; it is back `ms` later. */
  | { kind: 'disconnect'; ms: number }
  /**
   * Like `disconnect`, but caused by a power failure: settings are kept, everything else is as after
   * switching on.
   */
  | { kind: 'reboot'; ms: number }

/** What can be wrong with the instrument until cleared. */
type StateFault =
  /** Accepts every command, answers none. */
  | { kind: 'hang' }
  /** Another instrument answers on this link. */
  | { kind: 'serial-number'; serialNumber: string }
  /** The sensor of a channel is open: overload bits, no value. */
  | { kind: 'overload'; channel: number | 'A' }
  /** A field of a table shows this text in the reply: a status, for example. */
  | { kind: 'value'; field: string; value: string }

/** Any fault. */
export type Fault = ReplyFault | StateFault

/** The faults of one simulator, switchable while it runs. */
export interface Faults {
  /**
   * Switches a fault on. Reply faults affect the next `times` replies (1), each with probability `chance` (1)
   * from the seeded source; state faults last until cleared.
   * @throws UsageError for a fault that this instrument cannot have
   */
  inject(fault: Fault, options?: { times?: number; chance?: number }): void
  /** Switches off all faults, or those of one kind. */
  clear(kind?: Fault['kind']): void
}

/** The simulator's own view of its faults. */
export interface FaultState extends Faults {
  readonly hanging: boolean
  /** How often the power has failed. */
  reboots: number
  readonly serialNumber: string | undefined
  overloaded(channel: number | 'A'): boolean
  /** The text that a field of a table shows in place of its own value. */
  shown(field: string): string | undefined
  /** From now on refuses faults of a kind if `why` returns a reason. */
  refuse<K extends Fault['kind']>(kind: K, why: (fault: Fault & { kind: K }) => string | undefined): void
  /** The fault for the next reply. */
  next(): ReplyFault | undefined
  /** Seeded noise bytes, never a line end. */
  noiseBytes(): Uint8Array
}

/** No faults at first. */
export function createFaults(seed: number): FaultState {
  const random = createRandom(seed)
  let replies: { fault: ReplyFault; times: number; chance: number }[] = []
  let states: StateFault[] = []
  const refused = new Map<string, (fault: never) => string | undefined>()
  return {
    reboots: 0,
    inject(fault, { times = 1, chance = 1 } = {}) {
      const why = refused.get(fault.kind)?.(fault as never)
      if (why !== undefined) throw new UsageError(why)
      if (isStateFault(fault)) states.push(fault)
      else replies.push({ fault, times, chance })
    },
    clear(kind) {
      replies = replies.filter(({ fault }) => kind !== undefined && fault.kind !== kind)
      states = states.filter((fault) => kind !== undefined && fault.kind !== kind)
    },
    get hanging() {
      return states.some(({ kind }) => kind === 'hang')
    },
    get serialNumber() {
      return states.findLast((fault) => fault.kind === 'serial-number')?.serialNumber
    },
    overloaded: (channel) => states.some((fault) => fault.kind === 'overload' && fault.channel === channel),
    shown: (field) => {
      const found = states.findLast((fault) => fault.kind === 'value' && fault.field === field)
      return found?.kind === 'value' ? found.value : undefined
    },
    refuse: (kind, why) => void refused.set(kind, why),
    next() {
      const due = replies.find(({ chance }) => chance >= 1 || random() < chance)
      if (!due) return undefined
      due.times -= 1
      if (due.times <= 0) replies = replies.filter((other) => other !== due)
      return due.fault
    },
    noiseBytes() {
      const bytes = Uint8Array.from({ length: 1 + Math.floor(random() * 24) }, () =>
        Math.floor(random() * 256),
      )
      return bytes.map((byte) => (byte === 0x0a || byte === 0x0d ? 0 : byte))
    },
  }
}

function isStateFault(fault: Fault): fault is StateFault {
  return ['hang', 'serial-number', 'overload', 'value'].includes(fault.kind)
}
