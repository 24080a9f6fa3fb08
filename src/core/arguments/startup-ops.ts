import type { Agent } from '../agent.ts'
import { ConfigError } from '../errors.ts'
import { checkParams } from './check-params.ts'

/** An operation that starts with the agent, and its parameters. */
interface StartupOp {
  readonly name: string
  readonly params: Readonly<Record<string, unknown>>
}

/**
 * The operations that start with an agent.
 * @throws ConfigError naming the operation, the parameter, the rule and the value if one is invalid
 */
export function startupOps(agent: Agent, args: unknown, instance: string): readonly StartupOp[] {
  const faults: string[] = []
  const found = Object.entries(agent.ops).flatMap(([name, { startup, params }]) => {
    const asked = startup(args as never)
    if (asked === false) return []
    const given = asked === true ? {} : asked
    const checked = checkParams(params, given)
    if ('faults' in checked) faults.push(...checked.faults.map(({ text }) => `"${name}": ${text}`))
    return [{ name, params: given }]
  })
  if (faults.length > 0)
    throw new ConfigError(`${instance} does not start: its start-up operation ${faults.join('; ')}`)
  return found
}
