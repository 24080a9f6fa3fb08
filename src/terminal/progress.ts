import { type Context, draw, ERASE } from './context.ts'

/** Milliseconds between redraws of the progress line. */
const DRAW_MS = 100

/** One line on standard error that is redrawn, if that is a terminal; '' clears it. */
export function progressOf(context: Context): (text: string) => void {
  let drawn = -Infinity
  return (text) => {
    const now = performance.now()
    if (!context.terminal || (text !== '' && now - drawn < DRAW_MS)) return
    drawn = now
    draw(context, `${ERASE}${text}`)
  }
}
