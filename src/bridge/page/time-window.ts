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
/** The key under which the browser stores the chosen span. */
const KEPT = 'ocs-span'
/** The limits of zooming in and out, s. */
const LEAST = 1
const MOST = 20 * 366 * 86_400

/**
 * The time shown by all plots: the last seconds, which move on, or a fixed span. Unix s by the bridge's
 * clock.
 */
export class TimeWindow {
  readonly #changed: (() => void)[] = []
  readonly #note = byId('window')
  readonly #later: HTMLButtonElement
  readonly #live: HTMLButtonElement
  #span = 300
  /** Its end; undefined while it moves on. */
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

  /** Calls back when the time to show changes. */
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
  /** Stays the same as long as the same data are needed. */
  get key(): string {
    return `${this.#span} ${this.#to ?? 'live'}`
  }

  /** Shows a fixed span. */
  show(from: number, to: number): void {
    this.#set(to - from, to)
  }

  /** Returns to the newest data, and moves on. */
  follow(): void {
    this.#set(this.#span, undefined)
  }

  /** Multiplies the span, about its middle, or about now while it moves on. */
  zoom(times: number): void {
    const span = this.#span * times
    this.#set(span, this.#to === undefined ? undefined : this.#to + (span - this.#span) / 2)
  }

  /** Moves by a fraction of the span. */
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
