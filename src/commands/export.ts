import { Command, Option } from 'commander'
import { timeOf } from '../core/arguments/point-in-time.ts'
import { counted } from '../core/counted.ts'
import { ConfigError, UsageError } from '../core/errors.ts'
import { didYouMean } from '../core/names.ts'
import { defaultDataDir } from '../launch/places.ts'
import { statePath } from '../machine/state-path.ts'
import { Archive, type ArchiveField, sourceOf } from '../storage/archive/archive.ts'
import { indexPath } from '../storage/archive/archive-index-file.ts'
import { exportFile, FORMATS, type Format } from '../storage/archive/export-file.ts'
import { windows } from '../storage/archive/export-windows.ts'
import type { Context } from '../terminal/context.ts'
import { progressOf } from '../terminal/progress.ts'
import { examples } from './help.ts'

interface ExportFlags {
  readonly from: string
  readonly to: string
  readonly format: Format
  readonly out?: string
  readonly dataDir?: string
  readonly stateDir?: string
}

/** Names of fields that an error lists. */
const LISTED = 10

/** `ocs export FIELD…`: what `.g3` files hold, as text, read from the files themselves. */
export function exportCommand(context: Context): Command {
  return new Command('export')
    .description(
      'Print recorded samples as CSV or JSON, a line for each time; or write a Parquet or .g3 file.',
    )
    .argument('<field...>', 'INSTANCE.FEED.FIELD, with * for any letters: ls240.temperatures.*')
    .requiredOption('--from <time>', '2026-11-23T08:00 (UTC), unix seconds, or -1h before now')
    .option('--to <time>', 'the same', 'now')
    .addOption(new Option('--format <format>', 'csv, jsonl, parquet or g3').choices(FORMATS).default('csv'))
    .option('-o, --out <file>', 'the file to write, in place of standard output; parquet and g3 need one')
    .option('--data-dir <folder>', 'the folder of .g3 files, such as the recorder’s')
    .option('--state-dir <folder>', 'where the index of the files is kept')
    .addHelpText('after', '\nTimes are unix seconds. A field without a sample at a time is left empty.')
    .addHelpText(
      'after',
      examples(
        "ocs export 'ls240.temperatures.*' --from=-1h > ls240.csv",
        "ocs export 'ls240.temperatures.*' --from=-1d --format=parquet --out=ls240.parquet",
      ),
    )
    .action((names: string[], flags: ExportFlags) => exportFields(names, flags, context))
}

async function exportFields(names: readonly string[], flags: ExportFlags, context: Context): Promise<void> {
  const now = Date.now() / 1000
  const [start, end] = [timeOf('--from', flags.from, now), timeOf('--to', flags.to, now)]
  if (start > end) throw new UsageError(`--from ${flags.from} is after --to ${flags.to}`)
  const dir = flags.dataDir ?? defaultDataDir(context.env)
  const signal = AbortSignal.any([context.signal, ...(context.unread ? [context.unread] : [])])
  const show = progressOf(context)
  using archive = new Archive(dir, indexPath(statePath(flags.stateDir, context.env), dir), context.env)
  await archive.rescan(signal, (done, files) => show(`reading ${done} of ${counted(files, 'file')}`))
  show('')
  for (const { path, goodBytes, reason } of archive.problems())
    context.err(`${path}: exported up to byte ${goodBytes}: ${reason}\n`)
  const fields = choose(names, archive.fields(), dir)
  const file = await exportFile(flags, fields, async (text) => {
    ;(context.data ?? context.out)(text)
    await context.taken?.()
  })
  for (const [from, to, part] of windows(archive, fields, start, end)) {
    if (signal.aborted) break
    show(`${Math.floor(part * 100)} %`)
    const columns = await archive.read(fields, from, to, { exact: flags.format === 'g3' })
    await file.write(columns, to === end ? Infinity : to)
  }
  await file.end()
  show('')
  archive.assertReached()
}

/** The fields that names and patterns mean, in their order. @throws UsageError for one that means none */
function choose(names: readonly string[], fields: readonly ArchiveField[], dir: string): ArchiveField[] {
  if (fields.length === 0) throw new ConfigError(`${dir} has no samples: name another folder with --data-dir`)
  const found = new Set<ArchiveField>()
  for (const name of names) {
    const pattern = new RegExp(`^${name.split('*').map(RegExp.escape).join('.*')}$`, 'i')
    const meant = fields.filter((field) => pattern.test(field.label) || pattern.test(sourceOf(field)))
    for (const field of meant) found.add(field)
    if (meant.length > 0) continue
    const labels = fields.map(({ label }) => label)
    const near = didYouMean(name, labels)
    const list = near.length > 0 ? near : labels
    const more = list.length > LISTED ? `, and ${list.length - LISTED} more` : ''
    throw new UsageError(
      `${dir} has no field "${name}": ${near.length > 0 ? 'did you mean' : 'it has'} ${list.slice(0, LISTED).join(', ')}${more}`,
    )
  }
  return [...found]
}
