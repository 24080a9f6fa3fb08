import { z } from 'zod'
import type { Agent } from '../core/agent.ts'
import { table } from '../terminal/table.ts'

/** The flags and operations of an agent, for `--help-args`. */
export function agentHelp({ spec, ops }: Agent): string {
  const { properties = {}, required = [] } = z.toJSONSchema(spec.args, { io: 'input' }) as {
    properties?: Record<string, { type?: string; enum?: string[]; default?: unknown; description?: string }>
    required?: string[]
  }
  const flags = Object.entries(properties).map(
    ([name, { type, enum: choices, default: value, description }]) => {
      const takes = choices ? choices.join('|') : (type ?? 'value')
      const note = required.includes(name)
        ? ' (required)'
        : value === undefined
          ? ''
          : ` (default ${JSON.stringify(value)})`
      return [`  --${name.replaceAll('_', '-')} <${takes}>`, `${description ?? ''}${note}`]
    },
  )
  const operations = Object.entries(ops).map(([name, { kind, help }]) => [`  ${name}`, kind, help])
  return `${spec.class}: ${spec.help}\n\nFlags:\n${table(flags)}\nOperations:\n${table(operations)}`
}
