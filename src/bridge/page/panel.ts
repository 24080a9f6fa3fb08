import { givenNames } from '../../core/given-names.ts'
import { bridgeTime } from './clock.ts'
import { get } from './connection.ts'
import { Curve } from './curve.ts'
import { h } from './dom.ts'
import { shownCells, withUnit } from './format.ts'
import type { Group } from './groups.ts'
import { type Line, Plot } from './plot.ts'
import { shade } from './shade.ts'
import type { Cell, Part, RunView } from './shape.ts'
import { reachOf, staleAfter } from './stale.ts'
import { isStale, makeTile, showValue, type Tile } from './tile.ts'
import type { TimeWindow } from './time-window.ts'

/** Seconds after which data that do not come live are requested again. */
const ASK_AGAIN = 30
/** Seconds before a failed request is repeated. */
const AGAIN = 3
/**
 * Number of points requested for a curve of the past, and the factor by which more are kept before it is
 * requested again.
 */
const POINTS = 400
const MANY = 4
/** Seconds of live samples kept beyond the time shown. */
const KEEP = 60
/**
 * Milliseconds after a hole in the live samples until it is requested from the past; the second time for late
 * samples.
 */
const HOLE_MS = [1500, 8000]

/** The context shared by all panels of a page. */
export interface Around {
  readonly window: TimeWindow
  /** Whether there are plots besides the last values. */
  readonly plots: boolean
  runs(): readonly RunView[]
  /** Called with the time under the cursor of any plot. */
  cursor(time: number | undefined): void
}

/** The plot of a group of fields, and a tile with its last value for each. */
export class Panel {
  readonly element: HTMLElement
  readonly #around: Around
  readonly #group: Group
  readonly #tiles: readonly Tile[]
  readonly #host = h('div', { class: 'plot', role: 'img' })
  readonly #fold: HTMLButtonElement
  #plot: Plot | undefined
  #open: boolean
  #visible = false
  #dirty = true
  #loaded = -Infinity
  #loading = false
  #drawn = -Infinity
  #lines: readonly Line[] = []
  #log = false

  constructor(group: Group, around: Around) {
    this.#group = group
    this.#around = around
    const drawable = group.fields.some(({ type }) => type !== 'string')
    this.#open = around.plots && drawable && group.units !== null
    const names = givenNames(group.fields.map(({ field: name, description }) => ({ name, description })))
    this.#tiles = group.fields.map((field, at) =>
      makeTile(field, names.get(field.field) ?? '', at, () => this.#chooseLines()),
    )
    this.#fold = h(
      'button',
      { type: 'button', class: 'quiet', click: () => this.#toggle(), 'aria-label': `Plot of ${group.title}` },
      'Plot',
    )
    const log = h('button', { type: 'button', class: 'quiet', 'aria-pressed': 'false' }, 'log')
    log.title = 'Logarithmic axis'
    log.addEventListener('click', () => {
      this.#log = !this.#log
      log.setAttribute('aria-pressed', String(this.#log))
      this.#chooseLines()
    })
    const title = h('h4', {}, group.title, group.units && h('span', { class: 'units' }, ` ${group.units}`))
    this.element = h(
      'article',
      { class: 'panel', 'aria-label': group.title },
      h('header', {}, title, h('div', {}, drawable && log, drawable && this.#fold)),
      this.#host,
      h('div', { class: 'tiles' }, ...this.#tiles.map(({ button }) => button)),
    )
    this.#chooseLines()
    // How much room it takes on a wall.
    this.element.style.setProperty('--tiles', String(group.fields.length))
    this.#showOpen()
  }

  /** The metrics of its fields. */
  get metrics(): string[] {
    return this.#group.fields.map(({ metric }) => metric)
  }
  get visible(): boolean {
    return this.#visible
  }

  /** Whether it is in view: out of view nothing is requested or drawn. */
  show(visible: boolean): void {
    this.#visible = visible
    if (!visible) {
      this.#plot?.destroy()
      this.#plot = undefined
      // Samples in the meantime are missed.
      this.#loaded = -Infinity
    }
    this.#dirty = true
  }

  /** Requests the past again: after a change of span, or a lost connection. */
  reload(): void {
    this.#loaded = -Infinity
    this.#dirty = true
  }

  /** Shows only the fields whose names contain all words. */
  find(words: readonly string[]): boolean {
    for (const tile of this.#tiles) {
      const { metric, description } = tile.field
      const text = `${metric} ${description ?? ''}`.toLowerCase()
      tile.found = words.every((word) => text.includes(word))
      tile.button.hidden = !tile.found
    }
    this.#chooseLines()
    this.element.hidden = !this.#tiles.some(({ found }) => found)
    return !this.element.hidden
  }

  /** Takes live samples. */
  take(metric: string, t: readonly number[], values: readonly Cell[]): void {
    const tile = this.#tiles.find(({ field }) => field.metric === metric)
    if (!tile) return
    const hole = tile.curve.append(t, shownCells(values, tile.field))
    this.#dirty = true
    if (hole <= staleAfter(tile.field)) return
    for (const wait of HOLE_MS) setTimeout(() => this.reload(), wait)
  }

  /** Updates what is in view. */
  refresh(): void {
    if (!this.#visible || this.element.hidden) return
    const now = performance.now() / 1000
    if (this.#due(now)) void this.#load(now)
    for (const tile of this.#tiles) showValue(tile)
    const { isLive, span } = this.#around.window
    const pixel = isLive ? span / Math.max(100, this.#host.clientWidth) : Infinity
    if (!this.#open || (!this.#dirty && now - this.#drawn < pixel)) return
    // A span of hours moves by less than a pixel per second.
    if (now - this.#drawn < Math.min(pixel / 2, 2)) return
    this.#drawn = now
    this.#dirty = false
    this.#draw()
  }

  restyle(): void {
    this.#plot?.restyle()
    this.#dirty = true
    this.#drawn = -Infinity
  }

  /** Shows the values at a time instead of the last ones. */
  point(time: number | undefined): void {
    if (!this.#visible) return
    for (const tile of this.#tiles) showValue(tile, time)
  }

  #due(now: number): boolean {
    if (this.#loading) return false
    const since = now - this.#loaded
    if (!this.#around.window.isLive) return since === Infinity
    if (since > ASK_AGAIN && this.#tiles.every(isStale)) return true
    return since === Infinity || this.#tiles.some(({ curve }) => curve.t.length > MANY * POINTS)
  }

  async #load(now: number): Promise<void> {
    this.#loading = true
    const { key, isLive, span, from, to } = this.#around.window
    const query = new URLSearchParams(this.metrics.map((metric) => ['metric', metric]))
    const reach = isLive ? reachOf(span, this.#group.fields) : span
    query.set('from', String(Math.floor((isLive ? to - reach : from) * 1000)))
    query.set('to', String(Math.ceil((isLive ? to + 60 : to) * 1000)))
    query.set('points', String(POINTS))
    try {
      const parts = await get<Part[]>(`/page/past?${query}`)
      if (key !== this.#around.window.key) return
      this.#loaded = now
      // Metrics that no data node answers for, as while the hub is away, are left out.
      this.#without('not available')
      // The last values continue while a past time is drawn.
      for (const tile of this.#tiles) {
        const curve = isLive ? tile.curve : new Curve()
        // A plot whose lines are unchanged is not recreated.
        if (curve !== tile.line.curve) tile.line = { ...tile.line, curve }
      }
      for (const { t, values } of parts)
        for (const [metric, list] of Object.entries(values))
          for (const tile of this.#tiles)
            if (tile.field.metric === metric) {
              tile.without = 'no data'
              tile.line.curve.replace(t, shownCells(list, tile.field))
            }
      this.#describe()
      this.#chooseLines()
    } catch {
      // The bridge is away, as shown at the top of the page; this is retried when it is back.
      this.#loaded = isLive ? now - ASK_AGAIN + AGAIN : now
      if (!isLive) setTimeout(() => this.reload(), 1000 * AGAIN)
      this.#without('not available')
    } finally {
      this.#loading = false
      this.#dirty = true
      this.#drawn = -Infinity
    }
  }

  #without(text: Tile['without']): void {
    for (const tile of this.#tiles) tile.without = text
  }

  #draw(): void {
    const { window } = this.#around
    this.#plot ??= new Plot(this.#host, {
      cursor: (time) => this.#around.cursor(time),
      select: (from, to) => window.show(from, to),
      leave: () => window.follow(),
    })
    const { from, to, span, isLive } = window
    for (const { curve } of this.#tiles) curve.trim(bridgeTime() - (isLive ? span : 0) - KEEP)
    const width = (2 * (isLive ? reachOf(span, this.#group.fields) : span)) / (POINTS - 1)
    const runs = shade(this.#around.runs(), this.#group.fields)
    this.#plot.draw(this.#lines, { from, to, width, runs, log: this.#log })
  }

  #chooseLines(): void {
    this.#lines = this.#tiles
      .filter(({ on, found, field }) => on && found && field.type !== 'string')
      .map(({ line }) => line)
    this.#dirty = true
    this.#drawn = -Infinity
  }

  /** A text for people who do not see the plot. */
  #describe(): void {
    const told = this.#tiles.slice(0, 8).map(({ field, curve }) => {
      return `${field.field} ${withUnit(curve.last, field)}`
    })
    this.#host.setAttribute('aria-label', `Plot of ${this.#group.title}: ${told.join(', ')}`)
  }

  #toggle(): void {
    this.#open = !this.#open
    this.#showOpen()
    this.#dirty = true
    this.#drawn = -Infinity
  }

  #showOpen(): void {
    this.#host.hidden = !this.#open
    this.#fold.setAttribute('aria-expanded', String(this.#open))
    if (this.#open) return
    this.#plot?.destroy()
    this.#plot = undefined
  }
}
