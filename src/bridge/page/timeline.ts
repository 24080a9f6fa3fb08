import { dayText } from './clock.ts'
import { byId, h, say } from './dom.ts'
import type { AgentView, EventView, RunView } from './shape.ts'
import type { TimeWindow } from './time-window.ts'

/** Maximum number of lanes, those with the latest events. */
const LANES = 12
/** Milliseconds between two redraws, while time moves on. */
const DRAW_MS = 2000

/** A stretch of a lane; `end` is null while it lasts. */
interface Bar {
  readonly start: number
  readonly end: number | null
  readonly kind: string
  readonly text: string
}
interface Lane {
  readonly bars: Bar[]
  readonly events: EventView[]
  /** The time of its latest event. */
  last: number
}

/** Runs, events and active alarms, over the time that the plots show: a lane for each agent and alarm. */
export class Timeline {
  readonly #window: TimeWindow
  #runs: readonly RunView[] = []
  #events: readonly EventView[] = []
  /** Active alarms, by name. */
  #alarms: readonly (readonly [name: string, bar: Bar])[] = []

  constructor(window: TimeWindow) {
    this.#window = window
    setInterval(() => {
      if (!document.hidden && window.isLive) this.draw()
    }, DRAW_MS)
  }

  take(runs: readonly RunView[], events: readonly EventView[]): void {
    this.#runs = runs
    this.#events = events
    this.draw()
  }

  /** Takes the active alarms. */
  alarm(agents: readonly AgentView[]): void {
    this.#alarms = agents.flatMap(({ alarms }) =>
      alarms.flatMap(({ name, text, since }) =>
        since === null
          ? []
          : [
              [
                `alarm ${name}`,
                { start: since, end: null, kind: 'failed', text: `alarm ${name}: ${text}` },
              ] as const,
            ],
      ),
    )
    this.draw()
  }

  draw(): void {
    const { from, to, span } = this.#window
    const within = (start: number, end: number | null) => start < to && (end ?? to) > from
    const lanes = new Map<string, Lane>()
    const lane = (name: string, time: number) => {
      const found = lanes.get(name) ?? { bars: [], events: [], last: 0 }
      found.last = Math.max(found.last, time)
      lanes.set(name, found)
      return found
    }
    for (const { instance, op, start, end, state } of this.#runs)
      if (within(start, end))
        lane(instance, end ?? to).bars.push({ start, end, kind: state, text: `${instance} ${op} ${state}` })
    for (const [name, bar] of this.#alarms) if (within(bar.start, null)) lane(name, to).bars.push(bar)
    // Starts and ends are shown by the bars.
    for (const event of this.#events)
      if (event.level !== 'info' && within(event.time, event.time))
        lane(event.instance, event.time).events.push(event)
    const shown = [...lanes].sort(([, a], [, b]) => b.last - a.last).slice(0, LANES)
    shown.sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
    const percent = (seconds: number) => `${Math.min(100, Math.max(0, (100 * seconds) / span))}%`
    const rows = shown.map(([name, { bars, events }]) =>
      h(
        'div',
        { class: 'lane' },
        h('span', { class: 'name' }, name),
        h(
          'div',
          { class: 'track' },
          ...bars.map(({ start, end, kind, text }) => {
            const title = `${text}, ${dayText(start)} – ${end === null ? 'now' : dayText(end)}`
            const stretch = h('span', { class: `stretch ${kind}`, title })
            stretch.style.left = percent(start - from)
            stretch.style.width = percent(Math.min(end ?? to, to) - Math.max(start, from))
            return stretch
          }),
          ...events.map(({ time, level, text }) => {
            const mark = h('span', { class: `mark ${level}`, title: `${dayText(time)} ${text}` })
            mark.style.left = percent(time - from)
            return mark
          }),
        ),
      ),
    )
    byId('lanes').replaceChildren(...rows)
    say(byId('timeline-note'), rows.length === 0 ? 'nothing ran and nothing happened in the time shown' : '')
  }
}
