import { expect, test } from 'bun:test'
import { parseLine } from '../src/agents/bluefors-logs.ts'
import type { Blocks } from '../src/core/feed-spec.ts'
import { blocksOf, type SimulatedInstrument } from '../src/instrument/table.ts'
import { agentClasses, findAgent, loadClass } from '../src/launch/agents.ts'
import { pointsOf } from '../src/sinks/line-protocol.ts'

type Kind = 'float' | 'int' | 'text'

/**
 * The fields that agents of socs 0.6.4 and of OCS 0.12.1 publish, according to their sources: a database that
 * has them refuses other types.
 */
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
  // Each value of a UPS is a whole number or a text, with a description as text beside it.
  UPSAgent: [
    [/_description$|^upsIdent/, 'text'],
    [/^ups(?!Ident).*_\d+$/, 'int'],
  ],
  BlueforsAgent: [
    [/^(lakeshore_ch\d+_[trp]|flowmeter|pressure_ch\d|nxdsf|cpa\w+|a1_\w+|htr\w*)$/, 'float'],
    [/^(pressure_ch\d_state|v\d+|turbo1|hs_still|pulsetube|ext)$/, 'int'],
  ],
  FakeDataAgent: [[/^channel_\d\d$/, 'float']],
  BarebonesAgent: [[/^counter$/, 'int']],
  // The op code of each existing operation.
  RegistryAgent: [[/^observatory_ls240_acq$/, 'int']],
}

/** Publishing classes that neither OCS nor socs has. */
const alone = ['AlarmAgent']

/** The results of connecting, for classes whose fields depend on them. */
const instruments: Readonly<Record<string, object>> = {
  FakeDataAgent: { channels: ['channel_00', 'channel_01'] },
  RegistryAgent: { fields: new Set(['observatory_ls240_acq']) },
}

/** Classes whose fields depend on the lines that they read: their declarations after some lines. */
const met: Readonly<Record<string, () => Blocks[]>> = {
  BlueforsAgent: () =>
    [
      ['CH6 T 21-05-27.log', '27-05-21,00:00:59,4.33e+01'],
      ['CH6 R 21-05-27.log', '27-05-21,00:00:59,1.2e+03'],
      ['CH6 P 21-05-27.log', '27-05-21,00:00:59,0'],
      ['Flowmeter 21-05-27.log', '27-05-21,00:00:59,0.5'],
      ['maxigauge 21-05-27.log', '27-05-21,00:00:59,CH1,OVC,1,4.37e-05,0,1,CH2,,0,2.00e-02,1,1,'],
      ['Channels 21-05-27.log', '27-05-21,00:00:59,1,v11,0,v2,1,turbo1,1,hs-still,0,pulsetube,1,ext,0'],
      ['Status_21-05-27.log', '27-05-21,00:00:59,nxdsf,1,cpalp,8.1,cpahp,200,cparun,1'],
      ['heaters_21-05-27.log', '27-05-21,00:00:59,a1_u,0,a1_r_lead,1.5,htr,0,htr_range,2'],
    ].map(([path = '', line = '']) => {
      const parsed = parseLine(path, line).line
      return parsed ? { [parsed.block]: parsed.fields } : {}
    }),
}

/** The type of a field in a database. */
function kindOf(agent_class: string, block: string, fields: Blocks[string], name: string): Kind {
  const { type = 'double' } = fields[name] ?? {}
  const blocks = { [block]: { [name]: { type, ...fields[name] } } }
  const row = { block, t: [1], data: { [name]: [type === 'string' ? 'x' : 1] } }
  const [point = ''] = pointsOf({ root: 'r', instance: 'i', feed: 'f' }, { agent_class, blocks }, row)
  const [, value = ''] = point.split(/ \S+?=/)
  return value.startsWith('"') ? 'text' : /^\d+i /.test(value) ? 'int' : 'float'
}

/** The blocks of a feed: of the given instrument, or the typical ones. */
function blocksGiven(blocks: unknown, typical: Blocks | undefined, instrument: object | undefined): Blocks {
  if (typeof blocks !== 'function') return blocks as Blocks
  return instrument ? (blocks(instrument) as Blocks) : (typical ?? {})
}

test.each(Object.entries(socs))('%s gives databases the types that socs gives them', async (name, table) => {
  const { feeds } = (await findAgent(name)).spec
  // If fields depend on the instrument: those of the simulated one.
  const { simulated } = (await loadClass(name)) as { simulated?: SimulatedInstrument }
  const all: Blocks[] = simulated ? [blocksOf(simulated.readings)] : []
  all.push(...(met[name]?.() ?? []))
  for (const { blocks, typical } of Object.values(feeds))
    all.push(blocksGiven(blocks, typical, instruments[name]))
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

test('every class here that OCS or socs has, and that publishes, is in the table', async () => {
  const named = await Promise.all(
    agentClasses.map(async (name) => ({ name, feeds: Object.keys((await findAgent(name)).spec.feeds) })),
  )
  const publish = named.filter(({ feeds }) => feeds.length > 0).map(({ name }) => name)
  expect(publish.filter((name) => !Object.hasOwn(socs, name))).toEqual(alone)
})
