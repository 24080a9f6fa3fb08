import { Command, Option } from 'commander'
import { timeOf } from '../core/arguments/point-in-time.ts'
import { counted } from '../core/counted.ts'
import { OpError, UsageError } from '../core/errors.ts'
import { defaultDataDir } from '../launch/places.ts'
import { statePath } from '../machine/state-path.ts'
import { backfill } from '../sinks/backfill.ts'
import { LAST } from '../sinks/compare.ts'
import { influxAddress } from '../sinks/influx-address.ts'
import { influxV1 } from '../sinks/influx-v1.ts'
import { influxV2 } from '../sinks/influx-v2.ts'
import { PROTOCOLS, type Protocol } from '../sinks/line-protocol.ts'
import { Archive } from '../storage/archive/archive.ts'
import { indexPath } from '../storage/archive/archive-index-file.ts'
import type { Context } from '../terminal/context.ts'
import { progressOf } from '../terminal/progress.ts'
import { examples, formerArgument } from './help.ts'

interface BackfillFlags {
  readonly dataDir?: string
  readonly from?: string
  readonly to?: string
  readonly influx?: string
  readonly protocol: Protocol
  readonly stateDir?: string
}

/** `ocs backfill`: what `.g3` files hold, into a database. */
export function backfillCommand(context: Context): Command {
  const command = new Command('backfill').description(
    'Write recorded samples into a database, with the names that OCS gives them.',
  )
  const dataDir = formerArgument(command, '--data-dir', context)
  return command
    .option('--data-dir <folder>', 'the folder of .g3 files, such as the recorder’s')
    .option('--from <time>', '2026-11-23T08:00 (UTC), unix seconds, or -1d before now; all by default')
    .option('--to <time>', 'the same')
    .option('--influx <url>', 'http://HOST:PORT/DATABASE of InfluxDB 1.x; else INFLUXDB_V2_URL and its kin')
    .addOption(new Option('--protocol <form>', 'as of the agent').choices(PROTOCOLS).default('line'))
    .option('--state-dir <folder>', 'where the index of the files is kept')
    .addHelpText(
      'after',
      '\nPoints that are already in the database stay as they are: a sample is always the same point.',
    )
    .addHelpText(
      'after',
      examples(
        'ocs backfill --data-dir=/data/hk --influx=http://127.0.0.1:8086/hk',
        'ocs backfill --influx=http://127.0.0.1:8086/hk --from=-1d',
      ),
    )
    .action(async (former: string | undefined, flags: BackfillFlags) => {
      const dir = dataDir(former, flags.dataDir) ?? defaultDataDir(context.env)
      const now = Date.now() / 1000
      const start = flags.from === undefined ? 0 : timeOf('--from', flags.from, now)
      const end = flags.to === undefined ? LAST : timeOf('--to', flags.to, now)
      if (start > end) throw new UsageError(`--from ${flags.from} is after --to ${flags.to}`)
      const { influx, protocol } = flags
      const database =
        influx === undefined
          ? influxV2(false, context.env)
          : influxV1(influxAddress('--influx', influx), context.env)
      const show = progressOf(context)
      using archive = new Archive(dir, indexPath(statePath(flags.stateDir, context.env), dir), context.env)
      await archive.rescan(context.signal, (done, files) =>
        show(`reading ${done} of ${counted(files, 'file')}`),
      )
      const { points, refused, why } = await backfill(
        ...([archive, database, [start, end], protocol, context.signal] as const),
        (done, feeds, written) => show(`feed ${done + 1} of ${feeds}, ${counted(written, 'point')}`),
      )
      show('')
      context.out(`${counted(points, 'point')} written to ${database.name}\n`)
      archive.assertReached()
      if (refused > 0)
        throw new OpError(`${database.name} will not have ${counted(refused, 'point')}: ${why}`)
    })
}
