import { agoText, bridgeTime, clockText, dayText } from './clock.ts'
import { Curve } from './curve.ts'
import { breakable, h, say } from './dom.ts'
import { withUnit } from './format.ts'
import type { Line } from './plot.ts'
import type { FieldView } from './shape.ts'
import { staleAfter } from './stale.ts'
import { strokeOf } from './theme.ts'

/** A field with its last value; the button hides its curve, and shows it again. */
export interface Tile {
  readonly field: FieldView
  /** What comes live, and the seconds before it. */
  readonly curve: Curve
  /** What is drawn: the same, or that of a time that is past. */
  line: Line
  readonly button: HTMLButtonElement
  readonly value: HTMLElement
  readonly age: HTMLElement
  on: boolean
  found: boolean
  /** What is said of it while it has no value. */
  without: 'loading …' | 'no data' | 'not available'
}

/**
 * Makes the tile of a field.
 * @param at its place among the curves of its plot, by which it has its colour
 * @param onToggle hears that its curve is to be shown or hidden
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

/** Shows the last value of a tile, or that of a time. */
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

/** Since when the last samples are no number, as far as that is shown. */
function nothingText({ nothingSince }: Curve): string {
  return nothingSince === undefined
    ? ''
    : `, NaN since ${nothingSince === null ? 'before' : clockText(nothingSince)}`
}
