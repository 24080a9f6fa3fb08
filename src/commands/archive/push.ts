import { Command } from 'commander'
import { bytesOf } from '../../core/arguments/byte-size.ts'
import { secondsOf } from '../../core/arguments/time-units.ts'
import { backoff } from '../../core/backoff.ts'
import { counted } from '../../core/counted.ts'
import { diskFault } from '../../core/disk-fault.ts'
import { OpError, TransportError, UsageError } from '../../core/errors.ts'
import { pause } from '../../core/pause.ts'
import { defaultDataDir } from '../../launch/places.ts'
import { statePath } from '../../machine/state-path.ts'
import { Archive } from '../../storage/archive/archive.ts'
import { copiesPath, indexPath } from '../../storage/archive/archive-index-file.ts'
import { openStore } from '../../storage/elsewhere/open-store.ts'
import { Pace } from '../../storage/elsewhere/pace.ts'
import { lockPush, type Pushed, type PushOptions, push } from '../../storage/push/push.ts'
import type { Context } from '../../terminal/context.ts'
import { createLog } from '../../terminal/log.ts'
import { examples } from '../help.ts'

interface PushFlags {
  readonly dataDir?: string
  readonly endpoint?: string
  readonly keep?: string
  readonly diskFloor?: string
  readonly limit?: string
  readonly follow?: boolean
  readonly stateDir?: string
}

/** Milliseconds between rounds of `--follow`, and the growing waits while a store does not answer. */
const LOOK_MS = 60_000
const FIRST_MS = 5000
const LONGEST_MS = 600_000

/** `ocs archive push STORE DATA_DIR`: closed files into a store, each read back. */
export function pushCommand(context: Context): Command {
  return new Command('push')
    .description('Copy closed files to a store, and read each back. Nothing is removed unless asked for.')
    .argument('<store>', 's3://BUCKET/PREFIX, rsync:HOST:/FOLDER, rsync:HOST::MODULE/FOLDER or rsync:/FOLDER')
    .option('--data-dir <folder>', 'the recorder’s directory')
    .option('--endpoint <url>', 'address of an S3 server other than AWS; AWS_ENDPOINT_URL by default')
    .option('--keep <time>', 'remove files here that are older than this, once they are safe there: 30d')
    .option(
      '--disk-floor <size>',
      'remove the oldest files here, once they are safe there, while less than this is free: 50GB',
    )
    .option('--limit <rate>', 'bytes a second at most, there and back: 10MB')
    .option('--follow', 'keep running, and look for closed files every minute')
    .option('--state-dir <folder>', 'where the index of the files is kept')
    .addHelpText(
      'after',
      '\nCredentials are those of AWS’s own tools: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE of ~/.aws.',
    )
    .addHelpText(
      'after',
      examples(
        'ocs archive push s3://lab/hk --data-dir=/data/hk --keep=30d',
        'ocs archive push rsync:nas:/hk --data-dir=/data/hk --follow',
      ),
    )
    .action((to: string, flags: PushFlags) => pushFiles(to, flags, context))
}

async function pushFiles(to: string, flags: PushFlags, context: Context): Promise<void> {
  const { signal, env } = context
  const dir = flags.dataDir ?? defaultDataDir(env)
  const index = indexPath(statePath(flags.stateDir, env), dir)
  const pace = new Pace(flags.limit === undefined ? undefined : bytesOf('--limit', flags.limit))
  const store = openStore(to, { endpoint: flags.endpoint, env, scratch: copiesPath(index), pace })
  const log = createLog(context, 'text')
  const options: PushOptions = {
    ...{ dir, store, signal, log },
    keep: keepOf(flags.keep),
    floor: flags.diskFloor === undefined ? undefined : bytesOf('--disk-floor', flags.diskFloor),
    async beforeRemoval() {
      try {
        using archive = new Archive(dir, index, env)
        await archive.rescan(signal)
      } catch (error) {
        // A full disk is what files are removed for; the index can be made from the store, too.
        if (!diskFault(error)) throw error
      }
    },
  }
  using _lock = lockPush(dir)
  if (!flags.follow) return told(await once(options), to, context)
  for (let failed = 0; !signal.aborted; ) {
    try {
      const { faults } = await push(options)
      for (const fault of faults) log(fault)
      failed = 0
    } catch (error) {
      if (signal.aborted) break
      if (!(error instanceof TransportError)) throw error
      log(error.message)
      failed++
    }
    await pause(failed > 0 ? backoff(failed, FIRST_MS, LONGEST_MS) : LOOK_MS, signal)
  }
}

/** One round. @throws OpError when it was interrupted */
async function once(options: PushOptions): Promise<Pushed> {
  try {
    return await push(options)
  } catch (error) {
    if (!options.signal.aborted) throw error
    throw new OpError('interrupted: files read back so far are noted, the rest follows next time', {
      cause: error,
    })
  }
}

/** Seconds for which files stay here; a bare number could be meant in days as well as in seconds. */
function keepOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^[\d.]+$/.test(text))
    throw new UsageError(`--keep takes a time with its unit, such as ${text}d, given "${text}"`)
  return secondsOf('--keep', text, { zero: true })
}

function told({ pushed, known, open, removed, faults }: Pushed, to: string, context: Context): void {
  const parts = [
    `${counted(pushed, 'file')} pushed`,
    `${known} there already`,
    `${open} written still`,
    ...(removed > 0 ? [`${removed} removed here`] : []),
  ]
  context.out(`${to}: ${parts.join(', ')}\n`)
  for (const fault of faults) context.err(`${fault}\n`)
  if (faults.length > 0) throw new OpError(`${counted(faults.length, 'file is', 'files are')} not safe there`)
}
