/** Sessions as people read them. */
import { OpCode, type OpSession } from '../core/ops.ts'
import { oneLine } from '../core/printable.ts'

const CODE_NAMES = Object.fromEntries(
  Object.entries(OpCode).map(([name, code]) => [code, name.toLowerCase()]),
)

/** `running`, `succeeded`, `degraded`, …: OCS's name of an op code. */
export function codeName(code: number): string {
  return CODE_NAMES[code] ?? '?'
}

/** The latest message that says more than the status, on one line. */
export function lastMessage({ messages }: Pick<OpSession, 'messages'>): string {
  const [, text] = messages.findLast(([, said]) => !said.startsWith('Status is now')) ?? []
  return oneLine(text ?? '')
}
