import { flagOf } from '../../core/arguments/parameter-flags.ts'
import { parametersOf } from '../../core/arguments/parameters.ts'
import type { AgentApi } from '../../core/channels.ts'
import { table } from '../../terminal/table.ts'

const LEVELS = { 1: 'basic', 2: 'advanced', 3: 'full' } as const
/** Flags of `ocs ctrl start` itself; a parameter of that name goes after `--`. */
const OWN = [
  '--json',
  '--wait',
  '--timeout',
  '--target',
  '--aggregator',
  '--help',
  '--log-format',
  '--verbose',
  '--all',
  '--address-root',
]

/** How an operation is started: its parameters, from the agent's own description. */
export function opHelp(
  instance: string,
  op: string,
  { kind, help, params, min_privs }: AgentApi['ops'][string],
): string {
  const parameters = parametersOf(params)
  const level = min_privs > 1 ? ` Takes access level ${min_privs} (${LEVELS[min_privs as 1 | 2 | 3]}).` : ''
  const usage = parameters.map(({ name, takes, required }) => {
    const one = `${flagOf(name)} <${takes}>`
    return required ? one : `[${one}]`
  })
  const rows = parameters.map(({ name, takes, help: text }) => [`  ${flagOf(name)} <${takes}>`, text])
  const shadowed = parameters
    .map(({ name }) => flagOf(name))
    .filter((flag) => OWN.includes(flag) || flag.startsWith('--site'))
  const note =
    shadowed.length > 0
      ? `\nThe command has flags of that name too: write ${shadowed.join(', ')} after "--".\n`
      : ''
  return [
    `Usage: ${['ocs ctrl start', instance, op, ...usage].join(' ')}\n`,
    `\n${help} (${kind})${level}\n`,
    rows.length > 0 ? `\nParameters:\n${table(rows)}` : '\nIt takes no parameters.\n',
    note,
  ].join('')
}

/** The operations of an agent. */
export function apiHelp(instance: string, api: AgentApi | undefined): string {
  if (!api) return `${instance} has not announced its operations yet\n`
  const rows = Object.entries(api.ops).map(([name, { kind, help }]) => [`  ${name}`, kind, help])
  return [
    `${instance}: ${api.agent_class}. ${api.help}\n\nOperations:\n`,
    rows.length > 0 ? table(rows) : '  none\n',
    `\nThe parameters of one: ocs ctrl start ${instance} OP --help\n`,
  ].join('')
}
