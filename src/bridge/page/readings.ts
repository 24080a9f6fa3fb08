import { get, post } from './connection.ts'
import { arrange, byId, h, say } from './dom.ts'
import { countText } from './format.ts'
import { groupsOf } from './groups.ts'
import { messageOf } from './messages.ts'
import { type Around, Panel } from './panel.ts'
import { type NodeView, type Part, type RunView, siteOf } from './shape.ts'
import { onTheme } from './theme.ts'
import { TimeWindow } from './time-window.ts'

/** Milliseconds between two redraws. */
const DRAW_MS = 250
/** Milliseconds without scrolling before the bridge is told what is in view. */
const WATCH_MS = 120
/** Milliseconds between two requests for a node that is away. */
const LIST_MS = 5000

interface Section {
  readonly element: HTMLDetailsElement
  readonly note: HTMLElement
  readonly panels: Map<string, Panel>
  /** The node does not answer at present. */
  away: boolean
}

/** The plots and tiles of all data nodes. Data are requested only for what is in view. */
export class Readings {
  /** The time shown. */
  readonly window = new TimeWindow()
  readonly #sections = new Map<string, Section>()
  readonly #byMetric = new Map<string, Panel>()
  readonly #byElement = new Map<Element, Panel>()
  readonly #inView: IntersectionObserver
  readonly #around: Around
  #words: readonly string[] = []
  #runs: readonly RunView[] = []
  #stream = ''
  #telling = 0
  #hub = true
  #sites: ReadonlyMap<string, string> = new Map()

  /** @param plots whether there are plots besides the last values */
  constructor(plots: boolean) {
    this.#around = {
      plots,
      window: this.window,
      runs: () => this.#runs,
      cursor: (time) => {
        for (const panel of this.#panels()) panel.point(time)
      },
    }
    this.window.changed(() => {
      for (const panel of this.#panels()) panel.reload()
    })
    this.#inView = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) this.#byElement.get(target)?.show(isIntersecting)
        this.#tell()
      },
      { rootMargin: '150px' },
    )
    byId<HTMLInputElement>('find').addEventListener('input', () => this.#find())
    setInterval(() => {
      if (document.hidden) return
      for (const panel of this.#panels()) panel.refresh()
    }, DRAW_MS)
    // A node that was away, or missing in the list, may be back without a change of the list.
    setInterval(() => {
      const sections = [...this.#sections.values()]
      const failed = !byId('readings-failed').hidden
      if (failed || sections.length === 0 || sections.some(({ away }) => away)) void this.list()
    }, LIST_MS)
    onTheme(() => {
      for (const panel of this.#panels()) panel.restyle()
    })
  }

  /** A new stream: the bridge does not know yet what is in view, and samples have been missed. */
  connected(stream: string): void {
    this.#stream = stream
    this.#tell()
    void this.list()
    for (const panel of this.#panels()) panel.reload()
  }

  /** Whether the bridge has the hub: without it no data node can answer. */
  reached(hub: boolean): void {
    if (hub === this.#hub) return
    this.#hub = hub
    this.#sayAway()
    this.#find()
  }

  /** Takes the reasons why other sites are away, by site name. */
  sitesAway(sites: ReadonlyMap<string, string>): void {
    if (JSON.stringify([...sites]) === JSON.stringify([...this.#sites])) return
    this.#sites = sites
    this.#sayAway()
    // Sites that are back list their fields again.
    void this.list()
  }

  /**
   * Marks the nodes that are away, with the reason: a broken link to a site takes precedence over nodes that
   * do not answer.
   */
  #sayAway(): void {
    const other = this.#hub ? 'the data node does not answer' : 'the bridge has lost the hub'
    for (const [name, { element, away, note }] of this.#sections) {
      const why = this.#sites.get(siteOf(name)) ?? (away ? other : undefined)
      element.classList.toggle('away', why !== undefined)
      if (why !== undefined) say(note, `away: ${why}`)
    }
  }

  /** Asks for the list of fields. */
  async list(): Promise<void> {
    let nodes: NodeView[]
    try {
      nodes = await get<NodeView[]>('/page/fields')
    } catch (error) {
      this.#failed(`The list of readings cannot be loaded: ${messageOf(error)}. Trying again.`)
      return
    }
    this.#failed('')
    for (const node of nodes) this.#node(node)
    const names = [...this.#sections.keys()].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    arrange(
      byId('nodes'),
      names.flatMap((name) => this.#sections.get(name)?.element ?? []),
    )
    for (const [name, section] of this.#sections) section.away = !nodes.some((node) => node.name === name)
    this.#sayAway()
    this.#find()
  }

  /** Shows why there is no list of readings; '' if there is one. */
  #failed(why: string): void {
    const place = byId('readings-failed')
    place.hidden = why === ''
    say(place, why)
  }

  /** Takes live samples. */
  take(parts: readonly Part[]): void {
    for (const { t, values } of parts)
      for (const [metric, list] of Object.entries(values)) this.#byMetric.get(metric)?.take(metric, t, list)
  }

  /** Takes the runs, to shade them. */
  shade(runs: readonly RunView[]): void {
    this.#runs = runs
  }

  *#panels(): Generator<Panel> {
    for (const { panels } of this.#sections.values()) yield* panels.values()
  }

  /** Updates a node. A field that is gone, as while a node restarts, keeps its place. */
  #node(node: NodeView): void {
    // An archive whose fields are all shown by other nodes is omitted.
    if (node.archive && node.fields.length === 0) {
      this.#forget(node.name)
      return
    }
    const section = this.#sections.get(node.name) ?? this.#section(node)
    const { panels, note } = section
    const list = section.element.querySelector('.panels') as HTMLElement
    say(
      note,
      [node.description, `${countText(node.fields.length)} ${node.fields.length === 1 ? 'field' : 'fields'}`]
        .filter(Boolean)
        .join(' · '),
    )
    const groups = groupsOf(node)
    for (const group of groups) {
      if (group.fields.every(({ metric }) => this.#byMetric.has(metric))) continue
      const panel = new Panel(group, this.#around)
      for (const metric of panel.metrics) {
        // A field that has moved to another group takes its place there.
        const before = this.#byMetric.get(metric)
        if (before) this.#remove(before, panels)
      }
      for (const metric of panel.metrics) this.#byMetric.set(metric, panel)
      panels.set(group.key, panel)
      this.#byElement.set(panel.element, panel)
      list.append(panel.element)
      this.#inView.observe(panel.element)
    }
    const order = groups.flatMap(({ key }) => panels.get(key)?.element ?? [])
    const rest = [...panels.values()].map(({ element }) => element).filter((one) => !order.includes(one))
    arrange(list, [...order, ...rest])
  }

  #forget(name: string): void {
    const section = this.#sections.get(name)
    for (const panel of [...(section?.panels.values() ?? [])])
      this.#remove(panel, section?.panels ?? new Map())
    section?.element.remove()
    this.#sections.delete(name)
  }

  #remove(panel: Panel, panels: Map<string, Panel>): void {
    panel.show(false)
    this.#inView.unobserve(panel.element)
    this.#byElement.delete(panel.element)
    panel.element.remove()
    for (const [key, one] of panels) if (one === panel) panels.delete(key)
    for (const metric of panel.metrics) this.#byMetric.delete(metric)
  }

  #section({ name, archive }: NodeView): Section {
    const note = h('span', { class: 'note' })
    const element = h(
      'details',
      { class: 'node', open: !archive },
      h('summary', {}, h('h3', {}, name), note),
      h('div', { class: 'panels' }),
    )
    const section = { element, note, panels: new Map<string, Panel>(), away: false }
    this.#sections.set(name, section)
    return section
  }

  /** Tells the bridge which metrics are in view, once scrolling stops. */
  #tell(): void {
    clearTimeout(this.#telling)
    this.#telling = setTimeout(() => {
      if (this.#stream === '') return
      const metrics = [...this.#panels()].filter(({ visible }) => visible).flatMap((panel) => panel.metrics)
      post('/page/watch', { stream: this.#stream, metrics: metrics.slice(0, 1000) }).catch(() => {})
    }, WATCH_MS)
  }

  #find(): void {
    this.#words = byId<HTMLInputElement>('find').value.toLowerCase().split(/\s+/).filter(Boolean)
    let shown = 0
    for (const { element, panels } of this.#sections.values()) {
      const found = [...panels.values()].filter((panel) => panel.find(this.#words)).length
      element.hidden = found === 0 && this.#words.length > 0
      shown += found
    }
    const note = byId('readings-note')
    note.hidden = shown > 0
    say(
      note,
      this.#sections.size > 0
        ? 'No field name contains this.'
        : this.#hub
          ? 'No data node answers yet. Start one with: ocs datanode thermometry --target=INSTANCE --name=NAME'
          : 'No readings: the bridge has lost the hub. They return when it is back.',
    )
    this.#tell()
  }
}
