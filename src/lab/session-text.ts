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

/** What a session says of its state, on one line. */
export function lastMessage(session: OpSession): string {
  return oneLine(toldOf(session))
}
