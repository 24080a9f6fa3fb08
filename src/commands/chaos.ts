import { join } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { z } from 'zod'
import { faults } from '../chaos/faults.ts'
import { type BrokerName, brokerNames, type ChosenBroker, findBroker } from '../chaos/other-broker.ts'
import { hasOwnMounts, mountsOfOwn, runWithMounts } from '../chaos/own-mounts.ts'
import { readBySpt3g, readFiles } from '../chaos/read-files.ts'
import { type Finding, findingOf, report } from '../chaos/report.ts'
import { type Progress, runChaos } from '../chaos/run.ts'
import { keepFinding, keptFinding, removeRunFolder, runFolder } from '../chaos/run-folder.ts'
import { findFaketime } from '../chaos/shifted-clock.ts'
import { numberFlag } from '../core/arguments/number-flag.ts'
import { OpError, UsageError } from '../core/errors.ts'
import { notFound } from '../core/names.ts'
import { type Context, draw, ERASE } from '../terminal/context.ts'
import { examples } from './help.ts'

interface ChaosFlags {
  readonly minutes?: number
  readonly count?: number
  readonly every: number
  readonly seed?: number
  readonly faults: readonly string[]
  readonly broker?: BrokerName
  readonly dir?: string
  readonly spt3g?: string
  readonly json?: boolean
}

/** What a run needs besides its flags. */
interface Machine {
  /** Whether this process can mount small disks. */
  readonly inside: boolean
  readonly faketime: string | undefined
  readonly broker: ChosenBroker | undefined
}

/** Default duration of faults and the longest one, minutes. */
const MINUTES = 5
const MOST_MINUTES = 7 * 1440
/** Milliseconds between progress lines when the output is no terminal. */
const SAY_MS = 30_000

const positive = (flag: string) =>
  numberFlag(flag, z.number().positive().max(MOST_MINUTES), `a number above 0, at most ${MOST_MINUTES}`)
const whole = (flag: string) => numberFlag(flag, z.int().min(0).max(999_999_999), 'a whole number')

/** `ocs chaos`: a whole lab on this machine under faults, and whether every reading was recorded once, with its time. */
export function chaosCommand(context: Context): Command {
  const list = Object.entries(faults).map(([name, { help }]) => `  ${name.padEnd(14)}${help}`)
  return new Command('chaos')
    .description(
      'Run a lab on this machine, make its processes, instruments and disks fail, and check that every reading is recorded once, with its time.',
    )
    .option(
      '--minutes <n>',
      `how long to inject faults (${MINUTES}; no limit with --count)`,
      positive('--minutes'),
    )
    .option('--count <n>', 'stop after so many faults', whole('--count'))
    .option('--every <seconds>', 'time from one fault to the next, on average', positive('--every'), 2)
    .option('--seed <n>', 'repeats the faults of an earlier run; printed', whole('--seed'))
    .option('--faults <names>', 'which faults, with commas between; all by default', names)
    .addOption(
      new Option(
        '--broker <name>',
        'another broker instead of ocs hub, with the rights that ocs check --acl prints',
      ).choices(brokerNames),
    )
    .option(
      '--dir <folder>',
      'the folder of the lab, kept afterwards; without it a temporary one, kept only when something is wrong',
    )
    .option('--spt3g <python>', 'have spt3g read the files: a Python that has it (OCS_SPT3G_PYTHON)')
    .option('--json', 'print as JSON')
    .addHelpText('after', `\nFaults:\n${list.join('\n')}`)
    .addHelpText(
      'after',
      examples(
        'ocs chaos',
        'ocs chaos --minutes=60 --dir=/tmp/chaos',
        'ocs chaos --faults=kill,garbage --count=20 --seed=7',
      ),
    )
    .action((flags: Omit<ChaosFlags, 'faults'> & Partial<ChaosFlags>) =>
      chaos({ ...flags, faults: flags.faults ?? Object.keys(faults) }, context),
    )
}

async function chaos(flags: ChaosFlags, context: Context): Promise<void> {
  const broker = flags.broker && findBroker(flags.broker, context.env['PATH'])
  const inside = hasOwnMounts(context.env)
  const unshare = !inside && flags.faults.some(needsDisk) ? mountsOfOwn() : undefined
  const faketime = flags.faults.some(needsClock) ? findFaketime() : undefined
  const lacks = (name: string) => {
    if (needsDisk(name) && !inside && !unshare) return 'no small disk can be mounted here (unshare)'
    return needsClock(name) && !faketime ? 'libfaketime is not installed' : undefined
  }
  const possible = flags.faults.filter((name) => lacks(name) === undefined)
  const missing = new Set(flags.faults.flatMap((name) => lacks(name) ?? []))
  if (possible.length === 0)
    throw new UsageError(`--faults ${flags.faults.join(',')}: ${[...missing].join('; ')}`)
  for (const why of inside ? [] : missing)
    context.err(`${flags.faults.filter((name) => lacks(name) === why).join(', ')} left out: ${why}\n`)
  const seed = flags.seed ?? Math.floor(Math.random() * 1_000_000)
  const dir = inside && flags.dir !== undefined ? flags.dir : runFolder(flags.dir)
  if (!inside) context.err(`seed ${seed}; everything is in ${dir}\n`)
  const found = unshare
    ? await runThere(unshare, dir, seed, context)
    : await runHere({ ...flags, faults: possible }, dir, seed, { inside, faketime, broker }, context)
  if (inside) return
  context.out(flags.json ? `${JSON.stringify(found)}\n` : report(found))
  if (!found.ok)
    throw new OpError(`something is wrong: see ${dir}, which is kept; to repeat it: ${found.command}`)
  if (flags.dir === undefined) removeRunFolder(dir)
  context.err(flags.dir === undefined ? `${dir} is removed; --dir keeps it\n` : `${dir} is kept\n`)
}

/** Runs the lab and writes the result into its folder. */
async function runHere(
  flags: ChaosFlags,
  dir: string,
  seed: number,
  { inside, faketime, broker }: Machine,
  context: Context,
): Promise<Finding> {
  const minutes = flags.minutes ?? (flags.count === undefined ? MINUTES : MOST_MINUTES)
  const python = flags.spt3g ?? context.env['OCS_SPT3G_PYTHON']
  const result = await runChaos({
    dir,
    seed,
    seconds: minutes * 60,
    count: flags.count ?? Infinity,
    every: flags.every,
    faults: flags.faults,
    smallDisks: inside && flags.faults.some(needsDisk),
    faketime,
    broker,
    signal: context.signal,
    read: python ? readBySpt3g(python) : readFiles,
    progress: progressOf(context, minutes * 60, flags.count),
  })
  if (context.terminal) draw(context, ERASE)
  const command = repeat(flags, seed)
  const found = findingOf(result, { seed, reader: python ? 'spt3g' : 'ocs', command, dir })
  keepFinding(dir, found)
  return found
}

/** Runs the same command in a mount namespace of its own, and reads its result from the folder. */
async function runThere(
  unshare: readonly string[],
  dir: string,
  seed: number,
  context: Context,
): Promise<Finding> {
  const code = await runWithMounts(unshare, ['--seed', String(seed), '--dir', dir], context.signal)
  if (code !== 0) throw new OpError(`the lab could not be run: see above, and ${join(dir, 'log')}`)
  return keptFinding(dir)
}

function needsDisk(name: string): boolean {
  const hits = faults[name]?.hits
  return hits === 'data' || hits === 'state'
}

function needsClock(name: string): boolean {
  return faults[name]?.hits === 'clock'
}

/** The command line that repeats a run. */
function repeat({ minutes, count, every, broker, faults: chosen }: ChaosFlags, seed: number): string {
  const some = chosen.length === Object.keys(faults).length ? [] : ['--faults', chosen.join(',')]
  const limits = [
    ...(broker === undefined ? [] : ['--broker', broker]),
    ...(minutes === undefined ? [] : ['--minutes', minutes]),
    ...(count === undefined ? [] : ['--count', count]),
  ]
  return ['ocs chaos', '--seed', seed, ...limits, '--every', every, ...some].join(' ')
}

/** One line that is redrawn on a terminal; elsewhere a line now and then. */
function progressOf(context: Context, seconds: number, count: number | undefined): (now: Progress) => void {
  let said = -Infinity
  let before = ''
  return ({ stage, passed, strikes, seen }) => {
    const whole = count === undefined ? ` of ${seconds}` : ''
    const clock = stage === 'striking' ? `${Math.round(passed)}${whole} s, ` : ''
    const text = `${stage}: ${clock}${strikes}${count === undefined ? '' : ` of ${count}`} faults, ${seen} readings seen`
    if (context.terminal) return draw(context, `${ERASE}${text}`)
    if (stage === before && performance.now() - said < SAY_MS) return
    said = performance.now()
    before = stage
    context.err(`${text}\n`)
  }
}

function names(text: string): string[] {
  const given = text.split(',').map((name) => name.trim())
  for (const name of given) {
    if (Object.hasOwn(faults, name)) continue
    throw new InvalidArgumentError(notFound('There is no fault', name, Object.keys(faults)))
  }
  return given
}
