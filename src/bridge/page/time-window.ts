import { bridgeTime, dayText } from './clock.ts'
import { byId, h, say } from './dom.ts'

const SPANS = {
  '5 min': 300,
  '1 h': 3600,
  '6 h': 21_600,
  '1 d': 86_400,
  '7 d': 604_800,
  '30 d': 2_592_000,
} as const
/** Where the browser keeps the choice of a span. */
const KEPT = 'ocs-span'
/** The least that is zoomed into, and the most that is zoomed out to, s. */
const LEAST = 1
const MOST = 20 * 366 * 86_400

/** The time that all plots show: the last seconds, which move on, or a span that stays. Unix s by the bridge's clock. */
export class TimeWindow {
  readonly #changed: (() => void)[] = []
  readonly #note = byId('window')
  readonly #later: HTMLButtonElement
  readonly #live: HTMLButtonElement
  #span = 300
  /** Where it ends; undefined while it moves on. */
  #to: number | undefined

  constructor() {
    const kept = Number(localStorage.getItem(KEPT))
    if (Object.values(SPANS).some((span) => span === kept)) this.#span = kept
    for (const [label, span] of Object.entries(SPANS)) {
      const choose = () => {
        localStorage.setItem(KEPT, String(span))
        this.#set(span, undefined)
      }
      const input = h('input', { type: 'radio', name: 'span', value: span, change: choose })
      byId('spans').append(h('label', {}, input, h('span', {}, label)))
    }
    const button = (text: string, label: string, click: () => void) =>
      h('button', { type: 'button', 'aria-label': label, title: label, click }, text)
    this.#later = button('▶', 'Later', () => this.#move(0.5))
    this.#live = button('Live', 'Live: follows the newest data', () => this.follow())
    byId('moves').append(
      button('◀', 'Earlier', () => this.#move(-0.5)),
      this.#later,
      button('−', 'More time', () => this.zoom(2)),
      button('+', 'Less time', () => this.zoom(0.5)),
      this.#live,
    )
    this.#show()
  }

  /** Calls back when another time is to be shown. */
  changed(listener: () => void): void {
    this.#changed.push(listener)
  }

  /** Whether it moves on. */
  get isLive(): boolean {
    return this.#to === undefined
  }
  /** Seconds that are shown. */
  get span(): number {
    return this.#span
  }
  get to(): number {
    return this.#to ?? bridgeTime()
  }
  get from(): number {
    return this.to - this.#span
  }
  /** The same while the same is to be asked for. */
  get key(): string {
    return `${this.#span} ${this.#to ?? 'live'}`
  }

  /** Shows a span that stays. */
  show(from: number, to: number): void {
    this.#set(to - from, to)
  }

  /** Shows the newest again, and moves on. */
  follow(): void {
    this.#set(this.#span, undefined)
  }

  /** Shows as many times the time, about its middle; while it moves on, to now. */
  zoom(times: number): void {
    const span = this.#span * times
    this.#set(span, this.#to === undefined ? undefined : this.#to + (span - this.#span) / 2)
  }

  /** Moves by a part of what is shown. */
  #move(part: number): void {
    this.#set(this.#span, this.to + part * this.#span)
  }

  #set(span: number, to: number | undefined): void {
    const before = this.key
    this.#span = Math.min(MOST, Math.max(LEAST, span))
    // There is nothing beyond now.
    this.#to = to !== undefined && to >= bridgeTime() ? undefined : to
    this.#show()
    if (this.key !== before) for (const listener of this.#changed) listener()
  }

  #show(): void {
    for (const input of byId('spans').querySelectorAll('input'))
      input.checked = this.isLive && Number(input.value) === this.#span
    this.#later.disabled = this.isLive
    this.#live.disabled = this.isLive
    this.#note.hidden = this.isLive
    say(this.#note, this.isLive ? '' : `${dayText(this.from)} – ${dayText(this.to)}`)
  }
}
