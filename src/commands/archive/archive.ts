import { Command } from 'commander'
import { bytesText } from '../../core/arguments/byte-size.ts'
import { counted } from '../../core/counted.ts'
import { messageOf, OpError, TransportError } from '../../core/errors.ts'
import { defaultDataDir } from '../../launch/places.ts'
import { statePath } from '../../machine/state-path.ts'
import { copiesPath, indexPath } from '../../storage/archive/archive-index-file.ts'
import { Elsewhere } from '../../storage/elsewhere/elsewhere.ts'
import { bringBack, type Placed, placedIn, wantedOf } from '../../storage/push/bring-back.ts'
import type { Context } from '../../terminal/context.ts'
import { at, table } from '../../terminal/table.ts'
import { examples } from '../help.ts'
import { pushCommand } from './push.ts'

interface GetFlags {
  readonly dataDir?: string
  readonly stateDir?: string
}

/** `ocs archive`: copies of recordings elsewhere. */
export function archiveCommand(context: Context): Command {
  const command = new Command('archive')
    .description('Copies of recordings in an object store or on another host.')
    .addHelpText(
      'after',
      examples('ocs archive push s3://lab/hk --data-dir=/data/hk', 'ocs archive ls --data-dir=/data/hk'),
    )
  command
    .command('ls')
    .description('List the pushed files, and which of them are here too.')
    .option('--data-dir <folder>', 'the recorder’s directory')
    .option('--json', 'print as JSON')
    .addHelpText('after', examples('ocs archive ls --data-dir=/data/hk'))
    .action(async ({ dataDir, json }: { readonly dataDir?: string; readonly json?: boolean }) => {
      const placed = await placedIn(dataDir ?? defaultDataDir(context.env))
      context.out(json ? `${JSON.stringify(placed)}\n` : listOf(placed))
    })
  command
    .command('get')
    .description('Fetch files back to where they were; each is compared with what was pushed.')
    .argument('<file...>', 'paths in the data directory, or folders: 17954/1795420594.g3, 17954')
    .option('--data-dir <folder>', 'the recorder’s directory')
    .option('--state-dir <folder>', 'folder for copies on the way')
    .addHelpText('after', examples('ocs archive get 17954 --data-dir=/data/hk'))
    .action((words: string[], flags: GetFlags) =>
      getFiles(flags.dataDir ?? defaultDataDir(context.env), words, flags.stateDir, context),
    )
  return command.addCommand(pushCommand(context))
}

function listOf(placed: readonly Placed[]): string {
  if (placed.length === 0) return 'nothing was pushed from here\n'
  const rows = placed.map(({ file, size, stores, verified, here }) => [
    ...[file, bytesText(size), at(verified), here ? 'yes' : 'no', stores.join(', ')],
  ])
  const sum = (list: readonly Placed[]) => bytesText(list.reduce((total, { size }) => total + size, 0))
  const away = placed.filter(({ here }) => !here)
  const all = `${counted(placed.length, 'file')}, ${sum(placed)}; not here: ${away.length}, ${sum(away)}\n`
  return table([['FILE', 'SIZE', 'READ BACK', 'HERE', 'IN'], ...rows]) + all
}

async function getFiles(
  dir: string,
  words: readonly string[],
  stateDir: string | undefined,
  context: Context,
): Promise<void> {
  const wanted = wantedOf(await placedIn(dir), words)
  const copies = copiesPath(indexPath(statePath(stateDir, context.env), dir))
  const elsewhere = new Elsewhere(dir, copies, context.env).refresh()
  let failed = 0
  for (const { file } of wanted) {
    if (context.signal.aborted) throw new OpError('interrupted: what is listed above is here')
    try {
      const copy = await elsewhere.copy(file, context.signal)
      if (copy !== undefined) await bringBack(dir, file, copy)
      context.out(`${file}\n`)
    } catch (error) {
      if (context.signal.aborted) continue
      if (!(error instanceof TransportError)) throw error
      failed++
      context.err(`${messageOf(error)}\n`)
    }
  }
  context.err(wanted.length === 0 ? 'all of that is here\n' : '')
  if (failed > 0) throw new TransportError(`${counted(failed, 'file')} could not be fetched`)
}
