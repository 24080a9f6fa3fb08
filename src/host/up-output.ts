import { printable } from '../core/printable.ts'
import { type Context, draw } from '../terminal/context.ts'

/** ANSI colours for role names, excluding the red of errors and the black or white of the terminal. */
const COLOURS = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94]
const WIDTH = 12

/**
 * Prints lines of roles with their names in front; in colour only on a terminal, and not with NO_COLOR set.
 */
export function prefixed(context: Context): (name: string, line: string) => void {
  const { terminal, env } = context
  const coloured = terminal && !env['NO_COLOR']
  const colours = new Map<string, number>()
  return (name, line) => {
    const before = `${name.padEnd(WIDTH)} |`
    if (!coloured) return context.err(`${before} ${line}\n`)
    const colour = colours.get(name) ?? COLOURS[colours.size % COLOURS.length] ?? 0
    colours.set(name, colour)
    draw(context, `\x1b[${colour}m${before}\x1b[0m ${printable(line)}\n`)
  }
}
