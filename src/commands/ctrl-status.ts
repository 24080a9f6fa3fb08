import { OpCode } from '../core/ops.ts'
import type { InstanceView, LabView } from '../runtime/lab-view.ts'

const CODE_NAMES = Object.fromEntries(
  Object.entries(OpCode).map(([name, code]) => [code, name.toLowerCase()]),
)

/** All instances with what their operations do, as a table for a terminal. */
export function statusTable(lab: LabView, expected: readonly string[] = [], only?: string): string {
  const all = [...new Set([...lab.instances.keys(), ...expected])].sort()
  const names = only === undefined ? all : [only]
  if (names.length === 0) return 'no agents\n'
  const rows = names.map((name) => rowOf(name, lab.instances.get(name)))
  return table([['INSTANCE', 'STATE', 'SINCE', 'CLASS', 'HOST', 'OPERATIONS'], ...rows])
}

function rowOf(name: string, view: InstanceView | undefined): string[] {
  if (!view?.presence) return [name, 'not running', '', '', '', '']
  const { presence, sessions, state } = view
  const ops = [...sessions].map(([op, session]) => {
    const now = state === 'online' ? (CODE_NAMES[session.op_code] ?? '?') : 'lost'
    return `${op} ${now}`
  })
  const since = new Date(presence.since * 1000).toISOString().slice(0, 19).replace('T', ' ')
  return [name, state, since, presence.agent_class, `${presence.host} pid ${presence.pid}`, ops.join(', ')]
}

/** The same as data. */
export function statusJson(lab: LabView, only?: string): unknown {
  const shown = [...lab.instances].filter(([instance]) => only === undefined || instance === only)
  return shown.map(([instance, { presence, sessions, state }]) => ({
    instance,
    state,
    presence,
    ops: Object.fromEntries(sessions),
  }))
}

/** Rows in columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  const lines = rows.map((row) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  '))
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`
}
