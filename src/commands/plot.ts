import { Command, InvalidArgumentError } from 'commander'
import { timeOf } from '../core/arguments/point-in-time.ts'
import { TransportError, UsageError } from '../core/errors.ts'
import { glob } from '../core/glob.ts'
import { nearOr, notFound } from '../core/names.ts'
import { pause } from '../core/pause.ts'
import { catalogOf, type Known, metricsNamed } from '../lab/catalog.ts'
import { ask, drawable } from '../lab/fetch-curves.ts'
import { findNodes } from '../lab/nodes.ts'
import type { SiteOptions } from '../launch/choose-site.ts'
import { type Controlled, joinLab } from '../launch/join-lab.ts'
import { type Context, draw } from '../terminal/context.ts'
import { plotPicture } from '../terminal/plot-picture.ts'
import { examples } from './help.ts'
import { labFlags } from './site-flags.ts'

interface PlotFlags extends SiteOptions {
  readonly from: string
  readonly to: string
  readonly once?: boolean
}

/** Curves that are asked for, at most: more have no room on any screen. */
const MAX_CURVES = 64
/** Milliseconds between two drawings. */
const DRAW_MS = 1000
/** Points of a curve for each column of characters: two of dots, each with its lowest and highest. */
const POINTS = 4

/** `ocs plot ls240`: curves in the terminal. */
export function plotCommand(context: Context): Command {
  return labFlags(new Command('plot'))
    .description('Plot readings in the terminal, live or from the past.')
    .argument('<name>', 'an agent or a data node: ls240, LSA21OQ')
    .argument('[field...]', 'fields to plot, with * for any letters; by default those of the first unit')
    .option('--from <time>', '2026-11-23T08:00 (UTC), unix seconds, or -1h before now', time, '-10min')
    .option('--to <time>', 'the same', time, 'now')
    .option('--once', 'draw once and exit')
    .addHelpText(
      'after',
      examples(
        'ocs plot ls240',
        "ocs plot ls240 'Channel_*_T' --from=-6h",
        'ocs plot LSA21OQ --from=2026-11-23T08:00 --to=2026-11-23T09:00 --once',
      ),
    )
    .action((name: string, fields: string[], flags: PlotFlags) =>
      joinLab(flags, context, (on) => plot(on, name, fields, flags, context)),
    )
}

/** Checks a time before the hub is contacted; it stays a text, because a relative time moves on. */
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
  const all = await catalogOf(nodes).all()
  const chosen = choose(all, metricsNamed(all, name, nodes, root), name, fields)
  const metrics = chosen.slice(0, MAX_CURVES)
  const live = flags.to === 'now' && flags.once !== true && context.terminal
  let drawn = 0
  do {
    const now = Date.now() / 1000
    const [from, to] = [timeOf('--from', flags.from, now), timeOf('--to', flags.to, now)]
    if (from >= to) throw new UsageError(`--from ${flags.from} is not before --to ${flags.to}`)
    const { columns, rows } = context.size()
    const curves = await ask(nodes, metrics, { from: from * 1000, to: to * 1000, points: POINTS * columns })
    const lines = plotPicture(
      metrics,
      (metric) => {
        const curve = curves(metric)
        const points = curve ? drawable(curve, to * 1000) : []
        return { t: points.map(([, time]) => time), values: points.map(([value]) => value) }
      },
      { columns, rows: rows - (live ? 2 : 0), from, to, colour: context.terminal },
      { isWhole: !live, left: chosen.length - metrics.length },
    )
    if (live) lines.push('Ctrl-C leaves')
    draw(
      context,
      `${drawn > 0 ? `\x1b[${drawn}A` : ''}${lines.map((line) => `${line}${live ? '\x1b[K' : ''}\n`).join('')}${live ? '\x1b[J' : ''}`,
      'out',
    )
    drawn = lines.length
    if (live) await pause(DRAW_MS, context.signal)
  } while (live && !context.signal.aborted)
}

/** The metrics that are meant. @throws TransportError when no data node has them, with what there is */
function choose(
  all: readonly Known[],
  own: readonly Known[],
  name: string,
  fields: readonly string[],
): Known[] {
  if (own.length === 0) {
    const names = [...new Set(all.map(({ node }) => node))]
    throw new TransportError(
      `no data node has data of "${name}" (${nearOr(name, names)}): ocs datanode serves agents`,
    )
  }
  if (fields.length === 0) {
    const units = own.find(({ about }) => about.units !== null)?.about.units ?? null
    return own.filter(({ about }) => about.units === units)
  }
  const tests = fields.map((field) => glob(field.toLowerCase()))
  const chosen = own.filter(({ field }) => tests.some((test) => test(field.toLowerCase())))
  if (chosen.length > 0) return chosen
  const there = own.map(({ field }) => field)
  throw new UsageError(notFound(`${name} has no field`, fields[0] ?? '', there, 'it has'))
}
