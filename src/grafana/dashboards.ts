import type { Picture, Shown, ShownField } from '../core/shown-node.ts'
import type { Dialect } from './dialects.ts'
import { panelId, uidOf } from './ids.ts'
import { type Place, row, stat, stateTimeline, timeSeries } from './panels.ts'

type Json = Readonly<Record<string, unknown>>
/** A dashboard as Grafana reads it from a file. */
export interface Dashboard extends Json {
  readonly uid: string
  readonly title: string
  readonly panels: readonly Json[]
}

/** Columns of Grafana's grid. */
const WIDTH = 24

/** All dashboards of a lab: one of everything, and one of their own for instruments that have a picture of their own. */
export function dashboardsOf(lab: readonly Shown[], dialect: Dialect): Dashboard[] {
  const own = lab.flatMap((node) => (node.dashboard ? views[node.dashboard](node, dialect) : []))
  return [overview(lab, dialect), ...own]
}

const views: Readonly<Record<Picture, (node: Shown, dialect: Dialect) => Dashboard[]>> = { diodes, scanner }

/** A row a data node: curves by feed and unit with tiles beside them, operations below. At the end a panel for each node there is. */
function overview(lab: readonly Shown[], dialect: Dialect): Dashboard {
  const page = new Page(dialect)
  page.add('operations', 'Operations', { w: WIDTH, h: 6 }, (panel) =>
    stateTimeline(dialect, { ...panel, targets: dialect.states() }),
  )
  for (const node of lab) {
    const { name, instance, description } = node
    page.heading(`row ${name}`, [instance, name, description].filter(Boolean).join(' · '))
    for (const { what, fields, areBits } of groups(node)) {
      if (areBits) {
        page.fields(`${name} ${what} now`, what, { w: WIDTH, h: 4 }, { node, fields, make: stat })
        continue
      }
      page.fields(`${name} ${what}`, what, { w: 16, h: 8 }, { node, fields, make: timeSeries })
      page.fields(`${name} ${what} now`, `${what}, now`, { w: 8, h: 8 }, { node, fields, make: stat })
    }
    if (instance === undefined) continue
    page.add(`${name} operations`, `${instance}: operations`, { w: WIDTH, h: 5 }, (panel) =>
      stateTimeline(dialect, { ...panel, targets: dialect.states(instance) }),
    )
  }
  page.heading('row nodes', 'Every data node, new ones too')
  page.add('nodes', '$agent', { w: 8, h: 8 }, (panel) => ({
    ...timeSeries(dialect, { ...panel, targets: dialect.each('agent') }),
    repeat: 'agent',
    repeatDirection: 'h',
    maxPerRow: 3,
  }))
  const variables = [nodesVariable(dialect)]
  return dashboard({ uid: uidOf('lab'), title: 'OCS: lab', page, dialect, variables })
}

/** The calibrated diodes on top with their tile, those without a curve below: the first of the manual's figures. */
function diodes(node: Shown, dialect: Dialect): Dashboard[] {
  const { name, instance = name, fields } = node
  if (!fields) return []
  const kelvin = fields.filter(({ units }) => units === 'K')
  const sensor = fields.filter(({ units }) => units === 'V' || units === 'Ω')
  const calibrated = new Set(kelvin.map(channelOf))
  const bare = sensor.filter((field) => !calibrated.has(channelOf(field)))
  const page = new Page(dialect)
  if (kelvin.length > 0) {
    const of = { node, fields: kelvin }
    page.fields('tile', `${name}: temperature`, { w: WIDTH, h: 4 }, { ...of, make: stat })
    page.fields('calibrated', 'Calibrated diodes', { w: WIDTH, h: 9 }, { ...of, make: timeSeries })
  }
  const [title, below] =
    bare.length > 0 ? ['Uncalibrated diodes', bare] : (['Sensor readings', sensor] as const)
  if (below.length > 0) {
    page.fields('uncalibrated', title, { w: WIDTH, h: 9 }, { node, fields: below, make: timeSeries })
  }
  const uid = uidOf('diodes', instance)
  return [dashboard({ uid, title: `OCS: ${instance} diodes`, page, dialect, tags: [instance] })]
}

/** Half of the channels left, half right, the larger half left, a tile for each below: the second of the manual's figures. */
function scanner(node: Shown, dialect: Dialect): Dashboard[] {
  const { name, instance = name, fields = [] } = node
  const byChannel = Map.groupBy(
    fields.filter((field) => /_[TR]$/.test(field.name) && channelOf(field) !== 'control'),
    channelOf,
  )
  const shown = [...byChannel]
    .toSorted(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
    .flatMap(([, both]) => both.find(({ units }) => units === 'K') ?? both[0] ?? [])
  if (shown.length === 0) return []
  const page = new Page(dialect)
  const half = Math.ceil(shown.length / 2)
  for (const [title, side] of [
    [`Channels 1–${half}`, shown.slice(0, half)],
    [`Channels ${half + 1}–${shown.length}`, shown.slice(half)],
  ] as const) {
    if (side.length === 0) continue
    page.fields(title, title, { w: WIDTH / 2, h: 10 }, { node, fields: side, make: timeSeries })
  }
  for (const field of shown) {
    const channel = channelOf(field)
    const title = field.description?.split(':')[0] || channel
    page.fields(`now ${channel}`, title, { w: 3, h: 4 }, { node, fields: [field], make: stat })
  }
  const uid = uidOf('scanner', instance)
  return [dashboard({ uid, title: `OCS: ${instance} scanner`, page, dialect, tags: [instance] })]
}

/** `Channel_05` of `Channel_05_T`. */
function channelOf({ name }: ShownField): string {
  return name.replace(/_[A-Za-z]+$/, '')
}

/** A node's fields by feed and unit, sums of bits by themselves; one group of unknown fields while nobody can say. */
function groups({ name, fields }: Shown): {
  readonly what: string
  readonly fields: readonly ShownField[] | undefined
  /** Sums of bits, whose words are shown, and no curves. */
  readonly areBits: boolean
}[] {
  if (!fields) return [{ what: name, fields: undefined, areBits: false }]
  const feeds = new Set(fields.map(({ feed }) => feed))
  const kinds = Map.groupBy(fields, ({ feed, units, bits }) => {
    return `${feeds.size > 1 ? `${feed} ` : ''}${bits ? 'status' : units || 'without unit'}`
  })
  return [...kinds].map(([kind, list]) => {
    return { what: `${name}: ${kind}`, fields: list, areBits: list.every(({ bits }) => bits) }
  })
}

type Size = Pick<Place, 'w' | 'h'>
/** What a panel shows, and as what. */
interface Of {
  readonly node: Shown
  readonly fields: readonly ShownField[] | undefined
  readonly make: typeof timeSeries
}

/** Panels set one after another into the grid, as words into lines. */
class Page {
  readonly panels: Json[] = []
  readonly #dialect: Dialect
  readonly #ids = new Set<number>()
  #x = 0
  #y = 0
  #high = 0

  constructor(dialect: Dialect) {
    this.#dialect = dialect
  }

  /** Adds a panel of fields of a node; of all it has without fields. */
  fields(key: string, title: string, size: Size, { node, fields, make }: Of): void {
    const names = fields?.map(({ name }) => name)
    const targets = this.#dialect.fields(node.name, names)
    const named = fields?.map((field) => {
      return { ...field, name: this.#dialect.legend(node.name, field.name) }
    })
    this.add(key, title, size, (panel) => make(this.#dialect, { ...panel, targets }, named))
  }

  /** @param key what the panel's id is made from; stays the same however the title changes */
  add(
    key: string,
    title: string,
    { w, h }: Size,
    make: (panel: { id: number; title: string; gridPos: Place }) => Json,
  ): void {
    if (this.#x + w > WIDTH) this.#newLine()
    this.panels.push(make({ id: panelId(key, this.#ids), title, gridPos: { x: this.#x, y: this.#y, w, h } }))
    this.#x += w
    this.#high = Math.max(this.#high, h)
  }

  heading(key: string, title: string): void {
    this.#newLine()
    this.panels.push(row(panelId(key, this.#ids), title, this.#y))
    this.#y++
  }

  #newLine(): void {
    this.#y += this.#high
    this.#x = 0
    this.#high = 0
  }
}

function nodesVariable(dialect: Dialect): Json {
  return {
    name: 'agent',
    label: 'data node',
    type: 'query',
    datasource: dialect.source,
    ...dialect.nodes(),
    refresh: 2,
    sort: 1,
    hide: 0,
    multi: true,
    includeAll: true,
    current: { text: ['All'], value: ['$__all'] },
    options: [],
  }
}

interface Made {
  readonly uid: string
  readonly title: string
  readonly page: Page
  readonly dialect: Dialect
  /** What its annotations have to be tagged with. */
  readonly tags?: readonly string[]
  readonly variables?: readonly Json[]
}

function dashboard({ uid, title, page, dialect, tags = [], variables = [] }: Made): Dashboard {
  const marks = (name: string, kind: string, iconColor: string, enable = true) => ({
    name,
    datasource: dialect.source,
    enable,
    iconColor,
    ...dialect.marks([...tags, kind]),
  })
  return {
    uid,
    title,
    tags: ['ocs'],
    schemaVersion: 37,
    version: 1,
    editable: true,
    refresh: '5s',
    time: { from: 'now-1h', to: 'now' },
    timepicker: {},
    templating: { list: variables },
    annotations: {
      list: [
        marks('Operations', 'operation', 'blue', false),
        marks('Failures', 'failed', 'red'),
        marks('Alarms', 'alarm', 'orange'),
        { ...marks('Notes', 'note', 'green'), ...dialect.marks(['note', 'event']) },
      ],
    },
    links: [
      {
        type: 'dashboards',
        title: 'OCS',
        tags: ['ocs'],
        asDropdown: true,
        keepTime: true,
        includeVars: false,
        targetBlank: false,
        icon: 'external link',
        tooltip: '',
        url: '',
      },
    ],
    panels: page.panels,
  }
}
