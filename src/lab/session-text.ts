/** Sessions as people read them. */
import { OpCode, type OpSession, toldOf } from '../core/ops.ts'
import { oneLine } from '../core/printable.ts'

const CODE_NAMES = Object.fromEntries(
  Object.entries(OpCode).map(([name, code]) => [code, name.toLowerCase()]),
)

/** `running`, `succeeded`, `degraded`, …: OCS's name of an op code. */
export function codeName(code: number): string {
  return CODE_NAMES[code] ?? '?'
}

/** A time in which a session was degraded, unix s; `end` is null while it is. */
export interface DegradedTime {
  readonly start: number
  readonly end: number | null
  /** Its reason; '' where none was said. */
  readonly why: string
}

/** When a session was degraded, and why, the oldest first; another reason is another time. */
export function degradedTimes({ transitions = [], end_time }: OpSession): DegradedTime[] {
  return transitions.flatMap(([start, state, why], at) =>
    state === 'degraded' ? [{ start, end: transitions[at + 1]?.[0] ?? end_time, why: oneLine(why) }] : [],
  )
}

/** Who asked a session to end, as its agent tells; '' where nobody did, or that is not told. */
export function endedBy({ transitions = [] }: OpSession): string {
  const [, , why = ''] = transitions.find(([, state]) => state === 'stopping') ?? []
  return oneLine(why)
}

/** What a session says of its state, on one line. */
export function lastMessage(session: OpSession): string {
  return oneLine(toldOf(session))
}
