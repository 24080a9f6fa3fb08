/** Curves that have a colour of their own; those after them are dashed. */
const COLOURS = 8

/** The colours of plots as the style sheet has them just now, light or dark. */
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

/** How the curve of a number is drawn: which colour, and whether dashed. */
export function strokeOf(at: number): { readonly colour: number; readonly dashed: boolean } {
  return { colour: at % COLOURS, dashed: at >= COLOURS }
}

/** Calls back when light turns dark or dark light. */
export function onTheme(listener: () => void): void {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', listener)
}
