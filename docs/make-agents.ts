/**
 * Makes `docs/agents.md` and a page an agent beneath `docs/agents/` from the declarations: `bun docs/make-agents.ts`.
 * The picture of an agent's panel, `docs/agents/CLASS.png`, is taken by `docs/make-panels.ts`.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { exports } from '../package.json'
import type { Agent } from '../src/core/agent.ts'
import { coerceArguments, flattenArguments } from '../src/core/arguments/agent-arguments.ts'
import type { Property } from '../src/core/arguments/parameters.ts'
import type { Blocks } from '../src/core/feed-spec.ts'
import type { Lab } from '../src/core/lab.ts'
import { agentClasses, findAgent } from '../src/launch/agents.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** How an agent is connected whose fields depend on its instrument: a recorded dialog takes its place. */
const connected: Readonly<Record<string, readonly string[]>> = {
  Lakeshore240Agent: [`--port=replay:${ROOT}fixtures/dialogs/lakeshore240.yaml`],
  Lakeshore372Agent: [`--ip-address=replay:${ROOT}fixtures/dialogs/lakeshore372.yaml`],
  Lakeshore336Agent: [`--ip-address=replay:${ROOT}fixtures/dialogs/lakeshore336.yaml`],
  CryomechCPAAgent: [`--ip-address=replay:${ROOT}fixtures/dialogs/cryomech-cpa.yaml`],
  ScpiPsuAgent: [`--ip-address=replay:${ROOT}fixtures/dialogs/scpi-psu.yaml`],
  UPSAgent: [`--address=replay:${ROOT}fixtures/dialogs/ups.yaml`],
  BlueforsAgent: [`--log-directory=replay:${ROOT}fixtures/dialogs/bluefors.yaml`],
  FakeDataAgent: [],
  RegistryAgent: [],
  AlarmAgent: [],
}

/** Folders that the program fills in where neither the command line nor the site file names one. */
const folders: Readonly<Record<string, string>> = {
  data_dir: '~/.local/share/ocs/data',
  index_dir: '~/.local/state/ocs',
}

const INTRO = `# Agents

Made from the declarations by \`docs/make-agents.ts\`; do not edit. Flags and operations of one instance of your site
file: \`ocs agent --instance-id=… --help-args\`.

A flag goes on the command line (\`--mode=acq\`) or into \`arguments:\` of the site file. A parameter goes behind the
operation: \`ocs ctrl start ls240 set_values --channel=1 --enabled=1\`. A process runs until it is stopped; a task ends by
itself.
`

/** By class, what a script imports an agent's type from: `ocs/agents/ups`. */
async function modules(): Promise<ReadonlyMap<string, string>> {
  const found = Object.entries(exports).filter(([name]) => name.startsWith('./agents/'))
  return new Map(
    await Promise.all(
      found.map(async ([name, path]) => {
        const { default: agent } = (await import(join(ROOT, path))) as { default: Agent }
        return [agent.spec.class, name.replace('.', 'ocs')] as const
      }),
    ),
  )
}

/** The text of every page by its path in the repository: the index, and a page an agent. */
export async function agentPages(): Promise<Map<string, string>> {
  const pages = new Map<string, string>()
  const index: string[][] = []
  const typed = await modules()
  for (const name of agentClasses) {
    const agent = await findAgent(name)
    index.push([`[${name}](agents/${name}.md)`, agent.spec.help])
    pages.set(`docs/agents/${name}.md`, await page(agent, typed.get(name)))
  }
  return pages.set('docs/agents.md', [INTRO, ...rows(['agent', 'what it does'], index)].join('\n'))
}

/** What begins a page: how to write it into a site file and how the instrument is connected. */
function setUp({ spec }: Agent): string[] {
  const lines = [`# ${spec.class}`, '', spec.help, '']
  if (spec.aliases) lines.push(`Also spelled ${spec.aliases.map(code).join(', ')}.`, '')
  if (existsSync(join(ROOT, `docs/agents/${spec.class}.png`)))
    lines.push(`![Its panel on the live page](${spec.class}.png)`, '')
  const words = Object.entries(spec.example ?? {}).map(
    ([name, value]) => `          - [${JSON.stringify(dashed(name))}, ${JSON.stringify(value)}]`,
  )
  const instance = spec.class.replace(/(Agent|DataNode)$/, '').toLowerCase()
  lines.push('In the site file, beneath `agent-instances:` of its host:', '', '```yaml')
  lines.push(`      - agent-class: ${spec.class}`, `        instance-id: ${instance}`)
  if (words.length > 0) lines.push('        arguments:', ...words)
  lines.push('```', '')
  if (spec.wiring) lines.push('## Wiring', '', spec.wiring, '')
  return lines
}

/** @param module what a script imports its type from, where that is exported */
async function page(agent: Agent, module: string | undefined): Promise<string> {
  const { spec, ops, queries } = agent
  const lines = [...setUp(agent)]
  if (module) lines.push(`In a script its type is \`import type agent from '${module}'\`.`, '')
  lines.push('## Flags', '')
  lines.push(...rows(['flag', 'takes', 'default', 'meaning'], parameters(spec.args, folders)))
  const retired = Object.entries(spec.retired ?? {}).map(([flag, why]) => [code(dashed(flag)), why])
  if (retired.length > 0) lines.push('Accepted without effect:', '', ...rows(['flag', 'why'], retired))
  lines.push(...(await feeds(agent)))
  for (const [name, { kind, help, params }] of Object.entries(ops)) {
    lines.push(`## ${code(name)} (${kind})`, '', help, '')
    lines.push(...rows(['parameter', 'takes', 'default', 'meaning'], parameters(params)))
  }
  for (const [name, { help }] of queries) lines.push(`## ${code(name)} (query)`, '', help, '')
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
  if (choices) return choices.map((choice) => code(String(choice))).join(', ')
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
    lines.push(`## Feed ${code(name)}`, '', `${help} ${how}`, '')
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
  const lab = { log: () => {}, memory: { load: () => undefined, save: () => {} } } as unknown as Lab
  return spec.connect(checked.values, lab, new AbortController().signal)
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

/** Writes the pages; those of agents that are gone go. */
async function write(): Promise<void> {
  const pages = await agentPages()
  mkdirSync(join(ROOT, 'docs', 'agents'), { recursive: true })
  for (const name of readdirSync(join(ROOT, 'docs', 'agents'))) {
    const path = `docs/agents/${name}`
    if (name.endsWith('.md') && !pages.has(path)) rmSync(join(ROOT, path))
  }
  for (const [path, text] of pages) writeFileSync(join(ROOT, path), text)
  process.stdout.write(pages.get('docs/agents.md') ?? '')
}

if (import.meta.main) await write()
