/** Number of curves with a colour of their own; the following ones are dashed. */
const COLOURS = 8

/** The present colours of plots in the style sheet, light or dark. */
export interface Theme {
  readonly text: string
  readonly grid: string
  readonly region: string
  readonly trouble: string
  readonly curves: readonly string[]
}

export function theme(): Theme {
  const style = getComputedStyle(document.documentElement)
  const colour = (name: string) => style.getPropertyValue(name).trim()
  return {
    text: colour('--dim'),
    grid: colour('--grid'),
    region: colour('--region'),
    trouble: colour('--trouble'),
    curves: Array.from({ length: COLOURS }, (_, i) => colour(`--c${i}`)),
  }
}

/** How the curve with a number is drawn: which colour, and whether dashed. */
export function strokeOf(at: number): { readonly colour: number; readonly dashed: boolean } {
  return { colour: at % COLOURS, dashed: at >= COLOURS }
}

/** Calls back on a change between light and dark. */
export function onTheme(listener: () => void): void {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', listener)
}
