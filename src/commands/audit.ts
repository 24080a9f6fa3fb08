import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { timeOf } from '../core/arguments/point-in-time.ts'
import { counted } from '../core/counted.ts'
import { ConfigError, messageOf, OpError, TransportError, UsageError } from '../core/errors.ts'
import { type RecordData, recordingOf } from '../core/recording/recording.ts'
import type { SiteOptions } from '../launch/choose-site.ts'
import { joinLab } from '../launch/join-lab.ts'
import { defaultDataDir } from '../launch/places.ts'
import { statePath } from '../machine/state-path.ts'
import { spoolsIn } from '../runtime/spool/spool-files.ts'
import { lookAtSpool } from '../runtime/spool/spool-look.ts'
import { type ComparedField, compareWith } from '../sinks/compare.ts'
import { influxAddress } from '../sinks/influx-address.ts'
import { influxV1 } from '../sinks/influx-v1.ts'
import { Archive } from '../storage/archive/archive.ts'
import { copiesPath, indexPath } from '../storage/archive/archive-index-file.ts'
import { Elsewhere } from '../storage/elsewhere/elsewhere.ts'
import { type Audit, audit, type ReadElsewhere } from '../storage/recorder/audit.ts'
import type { EpochAudit, Witness } from '../storage/recorder/audit-judge.ts'
import { disk } from '../storage/recorder/disk.ts'
import type { Span } from '../storage/recorder/spans.ts'
import type { Context } from '../terminal/context.ts'
import { table } from '../terminal/table.ts'
import { examples, formerArgument } from './help.ts'
import { labFlags } from './site-flags.ts'

/** A caution printed below the table: what a count of rows cannot show. */
const NOT_SEEN =
  'Only rows are counted: a time when nothing was read leaves no trace here. ocs plot INSTANCE shows its gaps, ocs ctrl history INSTANCE what was wrong then.'

interface AuditFlags extends SiteOptions {
  readonly dataDir?: string
  readonly json?: boolean
  readonly influx?: string
  readonly from?: string
  readonly stateDir?: string
  readonly fetch?: boolean
}

/** `ocs audit`: compares the rows in the files with those that should be there, according to files, agents and spools. */
export function auditCommand(context: Context): Command {
  const command = new Command('audit').description(
    'Compare the samples that should be in a data directory with those that are.',
  )
  const dataDir = formerArgument(command, '--data-dir', context)
  return labFlags(command)
    .option('--data-dir <folder>', 'the folder of .g3 files, such as the recorder’s')
    .option('--state-dir <folder>', 'the folder of this machine’s spools, which are compared too')
    .option('--influx <url>', 'also compare with a database: http://HOST:PORT/DATABASE')
    .option('--from <time>', 'with --influx: 2026-11-23T08:00 (UTC), unix seconds, or -1d before now')
    .option('--fetch', 'read pushed files from their store, instead of trusting the counts noted at the push')
    .option('--json', 'print as JSON')
    .addHelpText(
      'after',
      '\nWith a site file, or --site-hub, running agents are asked what should be recorded.',
    )
    .addHelpText(
      'after',
      examples('ocs audit --data-dir=/data/hk', 'ocs audit --data-dir=/data/hk --site-file=lab.yaml --json'),
    )
    .action(async (former: string | undefined, flags: AuditFlags) => {
      const dir = dataDir(former, flags.dataDir) ?? defaultDataDir(context.env)
      const witnesses = [...(await agents(dir, flags, context)), ...spools(flags, context)]
      const elsewhere = flags.fetch ? readerElsewhere(dir, flags.stateDir, context) : undefined
      const found = await read(dir, witnesses, elsewhere)
      const influx = await inDatabase(dir, flags, context)
      const all = { ...found, not_seen: NOT_SEEN, ...(influx && { influx }) }
      context.out(flags.json ? `${JSON.stringify(all)}\n` : report(found) + compared(influx ?? []))
      const unequal = influx?.filter(({ expected, held }) => held !== expected) ?? []
      const wrong = found.damaged.length + found.epochs.filter(isWrong).length
      if (unequal.length > 0 && wrong === 0)
        throw new OpError(
          `the database lacks recorded samples of ${counted(unequal.length, 'field')}: ocs backfill --from TIME writes what is missing`,
        )
      if (wrong > 0) throw new OpError(`${dir}: ${wrong} of its files or epochs are incomplete`)
    })
}

/** Reads files that are stored elsewhere, through copies beside the index. */
function readerElsewhere(dir: string, stateDir: string | undefined, context: Context): ReadElsewhere {
  const copies = copiesPath(indexPath(statePath(stateDir, context.env), dir))
  const elsewhere = new Elsewhere(dir, copies, context.env).refresh()
  return async ({ file }) => await disk.read((await elsewhere.copy(file, context.signal)) ?? file)
}

async function read(dir: string, witnesses: readonly Witness[], elsewhere?: ReadElsewhere): Promise<Audit> {
  try {
    const found = await audit(disk, dir, witnesses, elsewhere)
    if (found.files > 0 || found.moved.length > 0 || found.epochs.length > 0) return found
  } catch (cause) {
    throw new ConfigError(`${dir}: ${messageOf(cause)}: name a recorder's data directory with --data-dir`, {
      cause,
    })
  }
  throw new ConfigError(
    `${dir}: there are no .g3 files in it: name a recorder's data directory with --data-dir`,
  )
}

/** Compares a database with the fields of a data directory, if one is given. */
async function inDatabase(dir: string, { influx, from, stateDir }: AuditFlags, context: Context) {
  if (influx === undefined && from === undefined) return undefined
  if (influx === undefined) throw new UsageError('--from goes with --influx')
  const database = influxV1(influxAddress('--influx', influx), context.env)
  using archive = new Archive(dir, indexPath(statePath(stateDir, context.env), dir), context.env)
  await archive.rescan(context.signal)
  const start = timeOf('--from', from ?? '0', Date.now() / 1000)
  const compared = await compareWith(database, archive, start, context.signal)
  archive.assertReached()
  return compared
}

/** Fields and how many values of each are recorded, and are in the database. */
function compared(fields: readonly ComparedField[]): string {
  if (fields.length === 0) return ''
  const rows = fields.map(({ field, expected, held }) => [
    field,
    String(expected),
    String(held),
    held === expected ? 'equal' : held < expected ? `${expected - held} MISSING` : `${held - expected} MORE`,
  ])
  return table([['FIELD', 'VALUES RECORDED', 'IN THE DATABASE', ''], ...rows])
}

/** The positions that agents and the directory's recorder report, if a site is given. */
async function agents(dir: string, flags: AuditFlags, context: Context): Promise<Witness[]> {
  const { site, siteFile, siteHub } = flags
  if (site === undefined && siteFile === undefined && siteHub === undefined && !context.env['OCS_CONFIG_DIR'])
    return []
  const found: Witness[] = []
  try {
    await joinLab(flags, context, async ({ lab }) => {
      for (const [instance, { presence, sessions }] of lab.instances) {
        const data = recordingOf(sessions)
        if (data && presence?.host === hostname() && data.data_dir === resolve(dir))
          found.push(...recorded(data.providers))
        for (const [feed, { spool, epochs }] of Object.entries(presence?.feeds ?? {}))
          found.push({ who: 'agent', instance, feed, spool, epochs })
      }
    })
  } catch (error) {
    if (!(error instanceof TransportError)) throw error
    context.err(`agents were not asked: ${error.message}\n`)
  }
  return found
}

/** The positions that a recorder reports. */
function recorded(providers: RecordData['providers']): Witness[] {
  return Object.entries(providers).flatMap(([address, { sessid: epoch, recorded: last }]) => {
    const [, instance, , feed] = address.split('.')
    if (instance === undefined || feed === undefined) return []
    return [{ who: 'recorder' as const, instance, feed, spool: '', epochs: [{ epoch, last, acked: last }] }]
  })
}

/** The contents of the spools of this machine. An unreadable one is skipped: "ocs spool ls" says why. */
function spools({ stateDir }: AuditFlags, context: Context): Witness[] {
  return spoolsIn(statePath(stateDir, context.env)).flatMap(({ instance, file }) => {
    try {
      const { spool, epochs } = lookAtSpool(file)
      return epochs.map(({ feed, epoch, last, unrecorded }) => ({
        who: 'spool' as const,
        instance,
        feed,
        spool,
        epochs: [{ epoch, last, acked: last - unrecorded }],
      }))
    } catch (error) {
      if (error instanceof ConfigError) return []
      throw error
    }
  })
}

function report({ files, frames, epochs, damaged, moved, elsewhere }: Audit): string {
  const rows = epochs.map((epoch) => [
    epoch.address,
    epoch.epoch,
    String(epoch.expected),
    String(epoch.recorded),
    String(epoch.samples),
    verdict(epoch),
  ])
  const spans = (
    what: string,
    { address, epoch }: EpochAudit,
    list: readonly (Span & { reason?: string })[],
  ) =>
    list.map(
      ({ first, last, reason }) =>
        `${address} ${epoch}: rows ${first} to ${last} ${what}${reason === undefined ? '' : `: ${reason}`}\n`,
    )
  return [
    `${counted(files, 'file')}, ${counted(frames, 'frame')}\n`,
    ...elsewhere.map(({ store, noted, read }) =>
      read > 0
        ? `${counted(read, 'of them lies', 'of them lie')} in ${store}, and are read there\n`
        : `${counted(noted, 'of them lies', 'of them lie')} in ${store}: counted as noted when they were pushed (--fetch reads them there)\n`,
    ),
    rows.length > 0 ? table([['FEED', 'EPOCH', 'ROWS EXPECTED', 'RECORDED', 'SAMPLES', ''], ...rows]) : '',
    ...epochs.flatMap((epoch) => spans('are lost', epoch, epoch.gaps)),
    ...epochs.flatMap((epoch) => spans('are missing', epoch, epoch.missing)),
    ...epochs.flatMap((epoch) => spans('are recorded twice', epoch, epoch.doubled)),
    ...moved.map(
      ({ file, rows: gone }) =>
        `${file}: moved or lost, and with it ${counted(gone, 'row that is', 'rows that are')} in no other file\n`,
    ),
    ...damaged.map(
      ({ file, goodBytes, reason }) => `${file}: damaged after ${counted(goodBytes, 'byte')}: ${reason}\n`,
    ),
    ...doubts(epochs),
    `${NOT_SEEN}\n`,
  ].join('')
}

function verdict(epoch: EpochAudit): string {
  const { expected, gaps, waiting, unknown } = epoch
  if (isWrong(epoch)) return 'NOT WHOLE'
  if (gaps.length > 0) return 'gaps'
  if (unknown !== null) return `to row ${expected}`
  return waiting > 0 ? counted(waiting, 'row waits', 'rows wait') : 'whole'
}

/** Epochs whose last row is unknown, by reason. */
function doubts(epochs: readonly EpochAudit[]): string[] {
  const why = Map.groupBy(
    epochs.filter(({ unknown }) => unknown !== null),
    ({ unknown }) => unknown,
  )
  return [...why].map(
    ([reason, list]) =>
      `Whether more came after the last row of ${list.length === 1 ? 'one epoch' : `${list.length} epochs`} is not known: ${reason}.\n`,
  )
}

function isWrong({ missing, doubled }: EpochAudit): boolean {
  return missing.length > 0 || doubled.length > 0
}
