import { expect, test } from 'bun:test'
import type { Blocks } from '../src/core/feed-spec.ts'
import { blocksOf, type SimulatedInstrument } from '../src/instrument/table.ts'
import { findAgent, loadClass } from '../src/launch/agents.ts'
import { pointsOf } from '../src/sinks/line-protocol.ts'

type Kind = 'float' | 'int' | 'text'

/** What agents of socs 0.6.4 publish, by their sources: a database that has had these refuses other types. */
const socs: Readonly<Record<string, readonly (readonly [fields: RegExp, kind: Kind])[]>> = {
  Lakeshore240Agent: [[/^Channel_\d_[TV]$/, 'float']],
  Lakeshore372Agent: [[/^Channel_\d\d_[TR]$/, 'float']],
  Lakeshore336Agent: [
    [/^Channel_[A-D]_[TV]$/, 'float'],
    [/_(Percent|Setpoint)$/, 'float'],
    [/_Range$/, 'text'],
  ],
  CryomechCPAAgent: [
    [/_(State|Unit)$/, 'int'],
    [/_(Temp|Pressure|Average|Current|Operation)$/, 'float'],
  ],
  ScpiPsuAgent: [[/^(Voltage|Current)_\d$/, 'float']],
  // Whatever a UPS says is a whole number or a text, and has one in words beside it.
  UPSAgent: [
    [/_description$|^upsIdent/, 'text'],
    [/^ups(?!Ident).*_\d+$/, 'int'],
  ],
}

/** The type that a database sees of a field. */
function kindOf(agent_class: string, block: string, fields: Blocks[string], name: string): Kind {
  const { type = 'double' } = fields[name] ?? {}
  const blocks = { [block]: { [name]: { type, ...fields[name] } } }
  const row = { block, t: [1], data: { [name]: [type === 'string' ? 'x' : 1] } }
  const [point = ''] = pointsOf({ root: 'r', instance: 'i', feed: 'f' }, { agent_class, blocks }, row)
  const [, value = ''] = point.split(/ \S+?=/)
  return value.startsWith('"') ? 'text' : /^\d+i /.test(value) ? 'int' : 'float'
}

test.each(Object.entries(socs))('%s gives databases the types that socs gives them', async (name, table) => {
  const { feeds } = (await findAgent(name)).spec
  // Where fields go by the instrument: those of the simulated one.
  const { simulated } = (await loadClass(name)) as { simulated?: SimulatedInstrument }
  const all: Blocks[] = simulated ? [blocksOf(simulated.readings)] : []
  for (const { blocks, typical } of Object.values(feeds))
    all.push((typeof blocks === 'function' ? typical : blocks) ?? {})
  const ours = all.flatMap((blocks) =>
    Object.entries(blocks).flatMap(([block, fields]) =>
      Object.keys(fields).map((field) => [field, kindOf(name, block, fields, field)] as const),
    ),
  )
  for (const [fields, kind] of table) {
    const found = ours.filter(([field]) => fields.test(field))
    expect([fields, found.length > 0]).toEqual([fields, true])
    expect(found.filter(([, is]) => is !== kind)).toEqual([])
  }
})
