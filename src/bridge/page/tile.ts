import { agoText, bridgeTime, clockText, dayText } from './clock.ts'
import { Curve } from './curve.ts'
import { breakable, h, say } from './dom.ts'
import { withUnit } from './format.ts'
import type { Line } from './plot.ts'
import type { FieldView } from './shape.ts'
import { staleAfter } from './stale.ts'
import { strokeOf } from './theme.ts'

/** A field with its last value; the button hides and shows its curve. */
export interface Tile {
  readonly field: FieldView
  /** Live samples, and the seconds before them. */
  readonly curve: Curve
  /** The curve that is drawn: the same, or one of a past time. */
  line: Line
  readonly button: HTMLButtonElement
  readonly value: HTMLElement
  readonly age: HTMLElement
  on: boolean
  found: boolean
  /** The text shown while it has no value. */
  without: 'loading …' | 'no data' | 'not available'
}

/**
 * Makes the tile of a field.
 * @param at its index among the curves of its plot, which determines its colour
 * @param onToggle called when its curve is to be shown or hidden
 */
export function makeTile(field: FieldView, name: string, at: number, onToggle: () => void): Tile {
  const { colour, dashed } = strokeOf(at)
  const curve = new Curve()
  const value = h('span', { class: 'value' }, '–')
  const age = h('span', { class: 'age' })
  const drawn = field.type !== 'string'
  const swatch = h('span', { class: `swatch s${colour}${dashed ? ' dashed' : ''}`, 'aria-hidden': 'true' })
  const title = [field.metric, field.description].filter(Boolean).join('\n')
  const button = h(
    'button',
    { type: 'button', class: 'tile', title, 'aria-pressed': drawn && 'true', disabled: !drawn },
    h('span', { class: 'name' }, drawn && swatch, h('span', {}, ...breakable(name))),
    value,
    age,
  )
  const line = { label: name, curve, colour, dashed, rhythm: field.rhythm }
  const tile: Tile = { field, curve, line, button, value, age, on: true, found: true, without: 'loading …' }
  button.addEventListener('click', () => {
    tile.on = !tile.on
    button.setAttribute('aria-pressed', String(tile.on))
    onToggle()
  })
  return tile
}

/** Shows the last value of a tile, or that at a time. */
export function showValue({ field, curve, line, button, value, age, without }: Tile, at?: number): void {
  const pointed = at === undefined ? undefined : line.curve.at(at)
  const time = pointed?.time ?? curve.newest
  say(value, withUnit(pointed ? pointed.value : curve.last, field))
  const stale = isStale({ curve, field })
  button.classList.toggle('stale', stale)
  if (time === undefined) say(age, without)
  else if (pointed) say(age, `at ${dayText(time)}`)
  else say(age, `${stale ? 'stale, ' : ''}${agoText(time)} ago${nothingText(curve)}`)
}

/** Whether the last value of a tile is old. */
export function isStale({ curve: { newest }, field }: Pick<Tile, 'curve' | 'field'>): boolean {
  return newest === undefined || bridgeTime() - newest > staleAfter(field)
}

/** Since when the last samples have no number, as far as the time is shown. */
function nothingText({ nothingSince }: Curve): string {
  return nothingSince === undefined
    ? ''
    : `, NaN since ${nothingSince === null ? 'before' : clockText(nothingSince)}`
}
