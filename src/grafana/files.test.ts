import { expect, test } from 'bun:test'
import type { Shown, ShownField } from '../core/shown-node.ts'
import { type DialectName, dialectNames } from './dialects.ts'
import { filesOf } from './files.ts'
import { panelId, uidOf } from './ids.ts'

type Panel = {
  id: number
  type: string
  title: string
  gridPos: { x: number; y: number; w: number; h: number }
  targets?: { refId: string; target: string; datasource: { uid: string } }[]
  fieldConfig?: { defaults: Record<string, unknown>; overrides: { matcher: { options: string } }[] }
  options?: Record<string, unknown>
  datasource?: { type: string; uid: string }
}
type Dashboard = { uid: string; title: string; panels: Panel[]; templating: { list: { name: string }[] } }

const field = (name: string, units: string | null, more: Partial<ShownField> = {}): ShownField => {
  return { name, units, feed: 'temperatures', ...more }
}
const diodes: Shown = {
  name: 'LSA21OQ',
  description: 'LS240 unit in the lab.',
  instance: 'ls240',
  dashboard: 'diodes',
  fields: [
    field('Channel_1_T', 'K', { range: [2, 320], description: '4K plate', rhythm: 0.4 }),
    ...[1, 2, 3, 4, 5, 6].map((n) => field(`Channel_${n}_V`, 'V')),
    field('Channel_1_status', null, { bits: { 1: 'invalid', 16: 'below its curve' } }),
  ],
}
const scanner: Shown = {
  name: 'LSA22HA',
  description: '',
  instance: 'measurement',
  dashboard: 'scanner',
  fields: Array.from({ length: 15 }, (_, i) => String(i + 1).padStart(2, '0')).flatMap((n) => [
    field(`Channel_${n}_T`, 'K'),
    field(`Channel_${n}_R`, 'Ω'),
  ]),
}
const sensors: Shown = { name: 'sensors', description: '', fields: undefined }
const LAB = [diodes, scanner, sensors]

function made(lab: readonly Shown[] = LAB, dialect: DialectName = 'graphite') {
  const files = filesOf(lab, {
    dialect,
    bridge: 'http://bridge:5000',
    mountedAt: '/etc/grafana/provisioning',
  })
  const read = <T>(path: string) => JSON.parse(files.get(path) ?? 'null') as T
  const dashboards = [...files.keys()]
    .filter((path) => path.startsWith('dashboards/ocs/'))
    .map((path) => read<Dashboard>(path))
  const dashboard = (uid: string) => dashboards.find((one) => one.uid === uid) as Dashboard
  return { files, read, dashboards, dashboard }
}

test('a token and an authority are named by where Grafana finds them, and stand in no file', () => {
  const where = { tokenFile: '/run/secrets/token', caFile: '/run/secrets/ca.pem' }
  for (const dialect of ['graphite', 'simpod'] as const) {
    const bridge = 'https://bridge:5000'
    const files = filesOf(LAB, { dialect, bridge, mountedAt: '/p', ...where })
    const { datasources } = JSON.parse(files.get('datasources/ocs.yaml') ?? '')
    expect(datasources).toHaveLength(dialect === 'graphite' ? 1 : 2)
    for (const one of datasources)
      expect(one).toMatchObject({
        basicAuth: true,
        basicAuthUser: 'grafana',
        jsonData: { tlsAuthWithCACert: true },
        secureJsonData: {
          basicAuthPassword: '$__file{/run/secrets/token}',
          tlsCACert: '$__file{/run/secrets/ca.pem}',
        },
      })
  }
  expect(made().files.get('datasources/ocs.yaml')).not.toContain('secureJsonData')
})

test('the first figure: the calibrated diode on top with its tile, the five others below', () => {
  const [tile, top, bottom, ...more] = made().dashboard('ocs_diodes_ls240').panels
  expect(more).toEqual([])
  expect([tile?.type, top?.type, bottom?.type]).toEqual(['stat', 'timeseries', 'timeseries'])
  const [first] = tile?.targets ?? []
  expect(first?.target).toBe('aliasByNode(LSA21OQ.{Channel_1_T}, 1)')
  expect(tile?.fieldConfig?.defaults).toMatchObject({
    unit: 'kelvin',
    thresholds: {
      steps: [
        { color: 'red', value: null },
        { color: 'green', value: 2 },
        { color: 'red', value: 320 },
      ],
    },
  })
  expect(top?.targets).toEqual(tile?.targets)
  expect(bottom?.targets?.[0]?.target).toBe(
    'aliasByNode(LSA21OQ.{Channel_2_V,Channel_3_V,Channel_4_V,Channel_5_V,Channel_6_V}, 1)',
  )
  expect(bottom?.fieldConfig?.defaults['unit']).toBe('volt')
})

test('the second figure: eight channels left, seven right, fifteen tiles below', () => {
  const [left, right, ...tiles] = made().dashboard('ocs_scanner_measurement').panels
  const channels = (panel: Panel | undefined) => panel?.targets?.[0]?.target.match(/Channel_\d\d_T/g)
  expect(channels(left)).toHaveLength(8)
  expect(channels(right)).toHaveLength(7)
  expect(left?.gridPos).toEqual({ x: 0, y: 0, w: 12, h: 10 })
  expect(right?.gridPos).toEqual({ x: 12, y: 0, w: 12, h: 10 })
  expect(tiles.map(({ type, title }) => [type, title])).toEqual(
    Array.from({ length: 15 }, (_, i) => ['stat', `Channel_${String(i + 1).padStart(2, '0')}`]),
  )
  expect(tiles.flatMap((tile) => channels(tile))).toEqual([
    ...(channels(left) ?? []),
    ...(channels(right) ?? []),
  ])
})

test('the overview has a row a node, panels by unit, operations, and one panel for whatever comes', () => {
  const { panels, templating } = made().dashboard('ocs_lab')
  const titles = panels.map(({ type, title }) => `${type} ${title}`)
  expect(titles).toEqual([
    'state-timeline Operations',
    'row ls240 · LSA21OQ · LS240 unit in the lab.',
    'timeseries LSA21OQ: K',
    'stat LSA21OQ: K, now',
    'timeseries LSA21OQ: V',
    'stat LSA21OQ: V, now',
    'stat LSA21OQ: status',
    'state-timeline ls240: operations',
    'row measurement · LSA22HA',
    'timeseries LSA22HA: K',
    'stat LSA22HA: K, now',
    'timeseries LSA22HA: Ω',
    'stat LSA22HA: Ω, now',
    'state-timeline measurement: operations',
    'row sensors',
    'timeseries sensors',
    'stat sensors, now',
    'row Every data node, new ones too',
    'timeseries $agent',
  ])
  expect(panels.at(-1)).toMatchObject({
    repeat: 'agent',
    targets: [{ target: 'aliasByTags($agent.*, "field", "unit")' }],
  })
  expect(templating.list).toMatchObject([
    { name: 'agent', type: 'query', query: '*', multi: true, includeAll: true },
  ])
})

test.each(dialectNames)('%s: what Grafana needs of each file is there', (dialect) => {
  const { dashboards, read } = made(LAB, dialect)
  const { datasources } = read<{
    datasources: { uid: string; type: string; isDefault: boolean; url: string }[]
  }>('datasources/ocs.yaml')
  const known = new Map(datasources.map(({ uid, type }) => [uid, type]))
  expect(datasources.filter(({ isDefault }) => isDefault)).toHaveLength(1)
  expect(known.get('ocs')).toBe('graphite')
  expect(
    read<{ providers: { options: { path: string } }[] }>('dashboards/ocs.yaml').providers[0]?.options.path,
  ).toBe('/etc/grafana/provisioning/dashboards/ocs')
  for (const { uid, panels } of dashboards) {
    expect(uid).toMatch(/^\w{1,40}$/)
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const cells = new Set<string>()
    for (const { id, type, gridPos, targets = [], datasource, fieldConfig, options } of panels) {
      expect(id).toBeInteger()
      const { x, y, w, h } = gridPos
      expect(x + w).toBeLessThanOrEqual(24)
      for (let i = 0; i < w * h; i++) {
        const cell = `${x + (i % w)},${y + Math.floor(i / w)}`
        expect(cells.has(cell)).toBe(false)
        cells.add(cell)
      }
      if (type === 'row') continue
      expect(known.get(datasource?.uid ?? '')).toBe(datasource?.type ?? 'none')
      expect(targets.length).toBeGreaterThan(0)
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length)
      for (const target of targets) expect(target.datasource).toEqual(datasource as { uid: string })
      expect(fieldConfig).toMatchObject({ defaults: {}, overrides: expect.any(Array) })
      expect(options).toBeObject()
    }
  }
})

test('a status is shown in words, a field as people named it; fields that nobody knows yet have an axis for each unit', () => {
  const load = field('load_1min', '')
  const { panels } = made([diodes, sensors, { ...sensors, name: 'loads', fields: [load] }]).dashboard(
    'ocs_lab',
  )
  const of = (title: string) =>
    panels.find((panel) => panel.title === title && panel.type !== 'row')?.fieldConfig
  expect(of('LSA21OQ: status')?.defaults).toMatchObject({
    mappings: [
      { type: 'special' },
      {
        options: {
          [-1]: { text: 'not read' },
          0: { text: 'ok' },
          16: { text: 'below its curve' },
          17: { text: 'invalid, below its curve' },
        },
      },
    ],
  })
  expect(of('LSA21OQ: K')?.overrides).toEqual([
    {
      matcher: { id: 'byName', options: 'Channel_1_T' },
      properties: [{ id: 'displayName', value: '4K plate' }],
    } as never,
  ])
  expect(of('loads: without unit, now')).toBeDefined()
  expect(of('sensors')?.overrides).toContainEqual({
    matcher: { id: 'byRegexp', options: '/\\.m\\/s$/' },
    properties: [{ id: 'unit', value: 'velocityms' }],
  } as never)
})

type Rules = {
  groups: {
    rules: {
      uid: string
      title: string
      condition: string
      data: { refId: string; datasourceUid: string; model: Record<string, unknown> }[]
    }[]
  }[]
}

test('alert rules: each is a query of Graphite, what it comes to, and a comparison', () => {
  const { groups } = made(LAB, 'simpod').read<Rules>('alerting/ocs.yaml')
  const rules = groups.flatMap((group) => group.rules)
  expect(rules.map(({ uid }) => uid)).toEqual([
    'ocs_silent_LSA21OQ',
    'ocs_silent_LSA22HA',
    'ocs_silent_sensors',
    'ocs_operations',
    'ocs_range_LSA21OQ_Channel_1_T',
  ])
  for (const { condition, data } of rules) {
    expect(data.map(({ refId, datasourceUid }) => [refId, datasourceUid])).toEqual([
      ['A', 'ocs'],
      ['B', '__expr__'],
      ['C', '__expr__'],
    ])
    expect([condition, data[1]?.model['expression'], data[2]?.model['expression']]).toEqual(['C', 'A', 'B'])
  }
  expect(rules.at(-1)?.data[2]?.model).toMatchObject({
    type: 'threshold',
    conditions: [{ evaluator: { type: 'outside_range', params: [2, 320] } }],
  })
})

test('digits are those that are declared; what is gone has no line and no value; a slow node is not silent between two samples', () => {
  const slow: Shown = {
    name: 'UPS',
    description: '',
    instance: 'ups',
    fields: [
      field('upsBatteryVoltage_0', 'V', { resolution: 0.1, rhythm: 600 }),
      field('upsInputVoltage_1', 'V', { resolution: 1, rhythm: 600 }),
    ],
  }
  const { dashboards, read } = made([slow, diodes, sensors])
  const panels = dashboards.flatMap((one) => one.panels)
  const of = (text: string) =>
    panels.find(({ type, targets }) => type === 'timeseries' && targets?.[0]?.target.includes(text))
      ?.fieldConfig
  expect(of('upsBatteryVoltage_0')?.overrides).toEqual([
    expect.objectContaining({ properties: [{ id: 'decimals', value: 1 }] }),
    expect.objectContaining({ properties: [{ id: 'decimals', value: 0 }] }),
  ])
  for (const { type, fieldConfig, options } of panels) {
    if (type === 'timeseries')
      expect(fieldConfig?.defaults).toMatchObject({ custom: { spanNulls: false, insertNulls: false } })
    if (type !== 'stat') continue
    expect(options?.['reduceOptions']).toMatchObject({ calcs: ['last'] })
    expect(fieldConfig?.defaults).toMatchObject({
      mappings: expect.arrayContaining([
        expect.objectContaining({
          options: { match: 'null+nan', result: { text: 'no value', color: '#888888', index: 0 } },
        }),
      ]),
    })
  }
  const { groups } = read<Rules>('alerting/ocs.yaml')
  const looks = (uid: string) =>
    groups.flatMap(({ rules }) => rules).find((rule) => rule.uid === uid)?.data[0] as unknown as {
      relativeTimeRange: { from: number }
    }
  expect(looks('ocs_silent_UPS').relativeTimeRange.from).toBe(1205)
  expect(looks('ocs_silent_LSA21OQ').relativeTimeRange.from).toBe(300)
  // Where nobody says how often a sample comes, five minutes may be between two.
  expect(looks('ocs_silent_sensors').relativeTimeRange.from).toBe(3600)
})

test('written again, in another order or with more in it, everything keeps its address', () => {
  const addresses = (lab: readonly Shown[]) =>
    made(lab).dashboards.flatMap(({ uid, panels }) => panels.map(({ id, title }) => `${uid}/${id} ${title}`))
  const more: Shown = {
    name: 'LSA99ZZ',
    description: '',
    instance: 'new',
    dashboard: 'diodes',
    fields: [],
  }
  const before = addresses(LAB)
  const after = new Set(addresses([more, ...LAB.toReversed()]))
  expect(before.filter((address) => !after.has(address))).toEqual([])
})

test('uids are of letters, digits and _ whatever they are made from, and differ', () => {
  const names = ['a-b', 'a_b', 'a.b', 'x'.repeat(60), `${'x'.repeat(60)}y`, 'ü']
  const uids = names.map((name) => uidOf('lab', name))
  for (const uid of uids) expect(uid).toMatch(/^\w{1,40}$/)
  expect(new Set(uids).size).toBe(names.length)
  expect(uidOf('lab', 'a-b')).toBe(uids[0] as string)
  const taken = new Set<number>()
  expect(panelId('same', taken)).not.toBe(panelId('same', taken))
})
