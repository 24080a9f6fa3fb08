import { Command, InvalidArgumentError } from 'commander'
import { timeOf } from '../core/arguments/point-in-time.ts'
import { TransportError, UsageError } from '../core/errors.ts'
import { glob } from '../core/glob.ts'
import { nearOr, notFound } from '../core/names.ts'
import { pause } from '../core/pause.ts'
import { printable } from '../core/printable.ts'
import { atResolution, NO_VALUE, scaled, shownIn } from '../core/shown-value.ts'
import { catalogOf, type Known } from '../lab/catalog.ts'
import { ask, drawable } from '../lab/fetch-curves.ts'
import { findNodes } from '../lab/nodes.ts'
import type { SiteOptions } from '../launch/choose-site.ts'
import { type Controlled, joinLab } from '../launch/join-lab.ts'
import { type Context, draw } from '../terminal/context.ts'
import { coloured, type Drawn, drawCurves, type Frame } from '../terminal/plot-canvas.ts'
import { siteFlags } from './site-flags.ts'

interface PlotFlags extends SiteOptions {
  readonly from: string
  readonly to: string
  readonly once?: boolean
}

/** Curves of one drawing, at most: more cannot be told apart. */
const MAX_CURVES = 8
/** Milliseconds between two drawings. */
const DRAW_MS = 1000
/** Points of a curve for each column of characters: two of dots, each with its lowest and highest. */
const POINTS = 4

/** `ocs plot ls240`: curves in the terminal. */
export function plotCommand(context: Context): Command {
  return siteFlags(new Command('plot'))
    .description('Draw readings in the terminal, live or of the past.')
    .argument('<name>', 'an agent or a data node: ls240, LSA21OQ')
    .argument('[field...]', 'only these, with * for any letters; those of the first unit by default')
    .option('--from <time>', '2026-11-23T08:00 (UTC), unix seconds, or -1h before now', time, '-10min')
    .option('--to <time>', 'the same', time, 'now')
    .option('--once', 'draw once and end')
    .action((name: string, fields: string[], flags: PlotFlags) =>
      joinLab(flags, context, (on) => plot(on, name, fields, flags, context), { quiet: true }),
    )
}

/** A time is looked at before the hub is: it stays a text, since what is relative moves on. */
function time(text: string): string {
  try {
    timeOf('It', text, 0)
    return text
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
}

async function plot(
  { bus, root, lab }: Controlled,
  name: string,
  fields: readonly string[],
  flags: PlotFlags,
  context: Context,
): Promise<void> {
  await using nodes = await findNodes({ bus, root, lab }, () => {})
  await lab.settled()
  const archives = new Set(nodes.archives().map((node) => node.name))
  const metrics = choose(await catalogOf(nodes).all(), archives, name, fields, root)
  const live = flags.to === 'now' && flags.once !== true && context.terminal
  let drawn = 0
  do {
    const now = Date.now() / 1000
    const [from, to] = [timeOf('--from', flags.from, now), timeOf('--to', flags.to, now)]
    if (from >= to) throw new UsageError(`--from ${flags.from} is not before --to ${flags.to}`)
    const { columns, rows } = context.size()
    const curves = await ask(nodes, metrics, { from: from * 1000, to: to * 1000, points: POINTS * columns })
    const lines = picture(
      metrics,
      (metric) => {
        const curve = curves(metric)
        const points = curve ? drawable(curve, to * 1000) : []
        return { t: points.map(([, time]) => time), values: points.map(([value]) => value) }
      },
      { columns, rows: rows - (live ? 1 : 0), from, to, colour: context.terminal },
    )
    draw(
      context,
      `${drawn > 0 ? `\x1b[${drawn}A` : ''}${lines.map((line) => `${line}${live ? '\x1b[K' : ''}\n`).join('')}`,
      'out',
    )
    drawn = lines.length
    if (live) await pause(DRAW_MS, context.signal)
  } while (live && !context.signal.aborted)
}

/** The metrics that are meant. @throws TransportError when no data node has them, with what there is */
function choose(
  all: readonly Known[],
  archives: ReadonlySet<string>,
  name: string,
  fields: readonly string[],
  root: string,
): Known[] {
  const is = (metric: Known) =>
    metric.node.toLowerCase() === name.toLowerCase() ||
    metric.about.source?.startsWith(`${root}.${name}.feeds.`)
  const found = all.filter((metric) => is(metric) && metric.about.type !== 'string')
  // An archive has the same under longer names, and its samples are drawn anyway.
  const live = found.filter(({ node }) => !archives.has(node))
  const [first] = live.length > 0 ? live : found
  const own = found.filter(({ node }) => node === first?.node)
  if (own.length === 0) {
    const names = [...new Set(all.map(({ node }) => node))]
    throw new TransportError(
      `no data node has anything of "${name}" (${nearOr(name, names)}): ocs datanode serves agents`,
    )
  }
  if (fields.length === 0) {
    const units = own.find(({ about }) => about.units !== null)?.about.units ?? null
    return own.filter(({ about }) => about.units === units).slice(0, MAX_CURVES)
  }
  const tests = fields.map((field) => glob(field.toLowerCase()))
  const chosen = own.filter(({ field }) => tests.some((test) => test(field.toLowerCase())))
  if (chosen.length > 0) return chosen.slice(0, MAX_CURVES)
  const there = own.map(({ field }) => field)
  throw new UsageError(notFound(`${name} has no field`, fields[0] ?? '', there, 'it has'))
}

/** A line for each curve with its last value, then the drawing, all within the frame. */
function picture(metrics: readonly Known[], curveOf: (metric: Known) => Drawn, frame: Frame): string[] {
  const shownAs = metrics.map(({ about: { units, resolution = null } }) => shownIn({ units, resolution }))
  const curves = metrics.map((metric, nth): Drawn => {
    const { t, values } = curveOf(metric)
    const { factor = 1 } = shownAs[nth] ?? {}
    return { t, values: values.map((value) => (value === null ? null : scaled(value, factor))) }
  })
  const legend = metrics.map(({ node, field }, nth) => {
    const { t = [], values = [] } = curves[nth] ?? {}
    const last = values.at(-1)
    const { resolution = null, units = null } = shownAs[nth] ?? {}
    const shown = (value: number) =>
      resolution === null ? Number(value.toPrecision(6)) : atResolution(value, resolution)
    const nothing = t.length === 0 ? 'no data' : NO_VALUE
    const value = last == null ? nothing : `${shown(last)} ${units ?? ''}`.trimEnd()
    return coloured(printable(`${node}::${field}  ${value}`).slice(0, frame.columns), nth, frame.colour)
  })
  const room = Math.max(4, frame.rows - legend.length - 1)
  const steps = shownAs.map((as) => as.resolution)
  const resolution = steps.every((step) => step !== null) ? Math.min(...steps) : undefined
  return [...legend, ...drawCurves(curves, { ...frame, rows: room, resolution })]
}
