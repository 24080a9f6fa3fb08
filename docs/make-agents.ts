/** Prints `docs/agents.md`, the reference page of all agents, from their declarations: `bun docs/make-agents.ts`. */
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { agentClasses, findAgent } from '../src/commands/agents.ts'
import type { Agent, Blocks, Lab } from '../src/core/agent.ts'
import { coerceArguments, flattenArguments } from '../src/core/arguments.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** How an agent is connected whose fields depend on its instrument: a recorded dialog takes its place. */
const connected: Readonly<Record<string, readonly string[]>> = {
  Lakeshore240Agent: [`--port=replay:${ROOT}fixtures/dialogs/lakeshore240.yaml`],
  Lakeshore372Agent: [`--ip-address=replay:${ROOT}fixtures/dialogs/lakeshore372.yaml`],
  FakeDataAgent: [],
  RegistryAgent: [],
}

/** Folders that the program fills in where neither the command line nor the site file names one. */
const folders: Readonly<Record<string, string>> = {
  data_dir: '~/.local/share/ocs/data',
  index_dir: '~/.local/state/ocs',
}

interface Property {
  readonly type?: string
  readonly enum?: readonly string[]
  readonly anyOf?: readonly Property[]
  readonly default?: unknown
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly maximum?: number
  readonly description?: string
}

const INTRO = `# Agents

Made from the declarations by \`docs/make-agents.ts\`; do not edit. The same text for one instance of your site file:
\`ocs agent --instance-id=… --help-args\`.

A flag goes on the command line (\`--mode=acq\`) or into \`arguments:\` of the site file. A parameter goes behind the
operation: \`ocs ctrl start ls240 set_values --channel=1 --enabled=1\`. A process runs until it is stopped; a task ends by
itself.
`

/** The whole page. */
export async function agentsPage(): Promise<string> {
  const parts = [INTRO]
  for (const name of agentClasses) parts.push(await section(await findAgent(name)))
  return parts.join('\n')
}

async function section(agent: Agent): Promise<string> {
  const { spec, ops, queries } = agent
  const lines = [`## ${spec.class}`, '', spec.help, '']
  if (spec.aliases) lines.push(`Also spelled ${spec.aliases.map(code).join(', ')}.`, '')
  lines.push(...rows(['flag', 'takes', 'default', 'meaning'], parameters(spec.args, folders)))
  const retired = Object.entries(spec.retired ?? {}).map(([flag, why]) => [code(dashed(flag)), why])
  if (retired.length > 0) lines.push('Accepted without effect:', '', ...rows(['flag', 'why'], retired))
  lines.push(...(await feeds(agent)))
  for (const [name, { kind, help, params }] of Object.entries(ops)) {
    lines.push(`### ${code(name)} (${kind})`, '', help, '')
    lines.push(...rows(['parameter', 'takes', 'default', 'meaning'], parameters(params)))
  }
  for (const [name, { help }] of queries) lines.push(`### ${code(name)} (query)`, '', help, '')
  return lines.join('\n')
}

function parameters(schema: z.ZodObject, filled: Readonly<Record<string, string>> = {}): string[][] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' }) as {
    properties?: Record<string, Property>
    required?: string[]
  }
  return Object.entries(properties).map(([name, property]) => [
    code(dashed(name)),
    takes(property),
    required.includes(name) && !filled[name] ? 'required' : shown(property.default ?? filled[name]),
    property.description ?? '',
  ])
}

function takes({ type, enum: choices, anyOf, minimum, exclusiveMinimum, maximum }: Property): string {
  if (anyOf) return anyOf.map(takes).join(' or ')
  if (choices) return choices.map((choice) => code(choice)).join(', ')
  const limit = Number.MAX_SAFE_INTEGER
  const low = minimum !== undefined && minimum > -limit ? `≥ ${minimum}` : ''
  const above = exclusiveMinimum === undefined ? '' : `> ${exclusiveMinimum}`
  const high = maximum !== undefined && maximum < limit ? `≤ ${maximum}` : ''
  return [type ?? 'value', [low, above, high].filter(Boolean).join(', ')].filter(Boolean).join(' ')
}

function shown(value: unknown): string {
  if (value === undefined) return ''
  if (Array.isArray(value)) return code(JSON.stringify(value))
  return value === '' ? 'empty' : code(String(value).replace(ROOT, ''))
}

/** The feeds; the fields of one whose blocks depend on the instrument are those of its recorded dialog. */
async function feeds(agent: Agent): Promise<string[]> {
  const lines: string[] = []
  for (const [name, { help, record, frame_length = 300, blocks }] of Object.entries(agent.spec.feeds)) {
    const instrument = typeof blocks === 'function' ? await connect(agent) : undefined
    const declared = typeof blocks === 'function' ? blocks(instrument ?? {}) : blocks
    const seconds = typeof frame_length === 'function' ? frame_length(instrument ?? {}) : frame_length
    const how = record ? `Recorded, in frames of ${seconds} s at most.` : 'Not recorded.'
    lines.push(`### Feed ${code(name)}`, '', `${help} ${how}`, '')
    lines.push(...rows(['block', 'field', 'units', 'type'], fieldRows(declared)))
  }
  return lines
}

/** Fields by block; those that differ by a number only are one line, with N for the number. */
function fieldRows(blocks: Blocks): string[][] {
  const found = Object.entries(blocks).flatMap(([block, fields]) =>
    Object.entries(fields).map(([field, { units = '', type = 'double' }]) =>
      [block, field].map((name) => code(name.replace(/\d+/, 'N'))).concat(units, type),
    ),
  )
  return [...new Map(found.map((row) => [row.join(' '), row])).values()]
}

async function connect({ spec }: Agent): Promise<object> {
  const words = connected[spec.class]
  if (!words) throw new Error(`${spec.class}: say in docs/make-agents.ts how it is connected`)
  const checked = coerceArguments(spec.args, flattenArguments(words))
  if ('faults' in checked) throw new Error(checked.faults.map(({ text }) => text).join('\n'))
  return spec.connect(checked.values, {} as Lab, new AbortController().signal)
}

const dashed = (key: string): string => `--${key.replaceAll('_', '-')}`
const code = (text: string): string => `\`${text}\``

/** A Markdown table, its columns aligned, and the empty line after it; nothing for no rows. */
function rows(head: readonly string[], body: readonly (readonly string[])[]): string[] {
  if (body.length === 0) return []
  const all = [head, ...body].map((cells) => cells.map((cell) => cell.replaceAll('|', '\\|')))
  const widths = head.map((_, at) => Math.max(3, ...all.map((cells) => cells[at]?.length ?? 0)))
  const [first, ...rest] = all.map(
    (cells) => `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`,
  )
  return [first ?? '', `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rest, '']
}

if (import.meta.main) process.stdout.write(await agentsPage())
