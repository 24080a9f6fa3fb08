/** The stored table of `docs/performance.md`: benches that ran replace their rows, all other rows stay. */
import type { Bench } from './bench.ts'
import { curveText } from './curve.ts'
import { goalText, reaches } from './goal.ts'
import type { Measured } from './runner.ts'
import { type Summary, short } from './statistics.ts'

const HEAD = '| bench | work | ours | theirs | ratio | goal | reached | run |'
const RULE = '|---|---|---|---|---|---|---|---|'
const BEGIN = '<!-- kept by npm run bench: -->'
const END = '<!-- end -->'
const NOT_YET = 'not measured yet'

/** One line of the table, as text. */
export interface Line {
  readonly bench: string
  readonly cells: string
  /** Its run: `2026-11-29 14:05 1a2b3c4`; empty if it was never measured. */
  readonly run: string
}
/** The table and the description of each run in it. */
export interface Table {
  readonly lines: readonly Line[]
  readonly runs: ReadonlyMap<string, string>
}

/** `12.3k (11.0k–14.1k) msg/s`: median, minimum and maximum. */
export function range(summary: Summary | undefined, unit: string): string {
  if (!summary) return '–'
  const { min, median, max, rounds } = summary
  const spread = rounds > 1 ? ` (${short(min)}–${short(max)})` : ''
  return `${short(median)}${spread}${unit && ` ${unit}`}`
}

/** A measured row as a line of the table. */
export function lineOf(bench: Bench, { spec, ours, curve, theirs, ratio }: Measured, run: string): Line {
  const { work, unit, against, goal } = spec
  const judged = goal?.of === 'ratio' ? ratio : ours
  const reached = goal && judged ? (reaches(judged.median, goal) ? 'yes' : '**no**') : ''
  const shown = curve ? curveText(curve, unit) : range(ours, unit)
  const own = ours ? shown : NOT_YET
  const other = against === undefined ? '' : `${against} ${range(theirs, '')}`
  const cells = [work, own, other, ratio ? range(ratio, '×') : '', goal ? goalText(goal) : '', reached]
  return { bench: bench.name, cells: cells.join(' | '), run: ours ? run : '' }
}

/** The table in a document; empty if there is none. */
export function readTable(text: string): Table {
  const [, kept = ''] = text.split(BEGIN)
  const rows = (kept.split(END)[0] ?? '').split('\n')
  const lines = rows
    .filter((row) => row.startsWith('| ') && row !== HEAD)
    .map((row) => row.slice(2, row.endsWith(' |') ? -2 : -1).split(' | '))
    .map(([bench = '', ...rest]) => ({
      bench,
      cells: rest.slice(0, -1).join(' | '),
      run: rest.at(-1)?.trim() ?? '',
    }))
  const runs = rows.flatMap((row) => {
    const [, run, said] = /^- `([^`]+)`: (.*)$/.exec(row) ?? []
    return run !== undefined && said !== undefined ? [[run, said] as const] : []
  })
  return { lines, runs: new Map(runs) }
}

/**
 * Replaces the lines of benches that ran, in the order of `names`; a bench that no longer exists loses its
 * lines, and a run its description once no line is from it.
 */
export function merge(kept: Table, fresh: Table, names: readonly string[]): Table {
  const ran = new Set(fresh.lines.map(({ bench }) => bench))
  const lines = names.flatMap((name) =>
    (ran.has(name) ? fresh : kept).lines.filter(({ bench }) => bench === name),
  )
  const used = new Set(lines.map(({ run }) => run))
  const runs = [...kept.runs, ...fresh.runs].filter(([run]) => used.has(run))
  return { lines, runs: new Map(runs) }
}

/** The document with its table replaced; the text around it stays. */
export function writeTable(text: string, { lines, runs }: Table): string {
  const table = lines.map(({ bench, cells, run }) => `| ${bench} | ${cells} | ${run} |`)
  const said = [...runs].map(([run, words]) => `- \`${run}\`: ${words}`)
  const body = [BEGIN, '', HEAD, RULE, ...table, '', 'Runs:', '', ...said, '', END].join('\n')
  const [before = '', rest] = text.split(BEGIN)
  return `${before}${body}${rest?.split(END)[1] ?? '\n'}`
}
