import { Command } from 'commander'
import { ConfigError, messageOf, OpError } from '../core/errors.ts'
import { type Audit, audit, type EpochAudit, type Span } from '../storage/recorder/audit.ts'
import { disk } from '../storage/recorder/disk.ts'
import type { Context } from '../terminal/context.ts'
import { table } from '../terminal/table.ts'

/** `ocs audit DATA_DIR`: what should be in the files against what is, from the files alone. */
export function auditCommand(context: Context): Command {
  return new Command('audit')
    .description('Compare the samples that should be in a data directory with those that are.')
    .argument('<data-dir>', 'the recorder’s directory')
    .option('--json', 'print as JSON')
    .action(async (dir: string, { json }: { json?: boolean }) => {
      const found = await read(dir)
      context.out(json ? `${JSON.stringify(found)}\n` : report(found))
      const wrong = found.damaged.length + found.epochs.filter(isWrong).length
      if (wrong > 0) throw new OpError(`${dir}: ${wrong} of its files or epochs are not whole`)
    })
}

async function read(dir: string): Promise<Audit> {
  try {
    const found = await audit(disk, dir)
    if (found.files > 0) return found
  } catch (cause) {
    throw new ConfigError(`${dir}: ${messageOf(cause)}: name a recorder's data directory`, { cause })
  }
  throw new ConfigError(`${dir}: there are no .g3 files in it: name a recorder's data directory`)
}

function report({ files, frames, epochs, damaged }: Audit): string {
  const rows = epochs.map((epoch) => [
    epoch.address,
    epoch.epoch,
    String(epoch.expected),
    String(epoch.recorded),
    String(epoch.samples),
    isWrong(epoch) ? 'NOT WHOLE' : epoch.gaps.length > 0 ? 'gaps' : 'whole',
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
    `${files} files, ${frames} frames\n`,
    rows.length > 0 ? table([['FEED', 'EPOCH', 'ROWS EXPECTED', 'RECORDED', 'SAMPLES', ''], ...rows]) : '',
    ...epochs.flatMap((epoch) => spans('are lost', epoch, epoch.gaps)),
    ...epochs.flatMap((epoch) => spans('are missing', epoch, epoch.missing)),
    ...epochs.flatMap((epoch) => spans('are recorded twice', epoch, epoch.doubled)),
    ...damaged.map(({ file, goodBytes, reason }) => `${file}: damaged after ${goodBytes} bytes: ${reason}\n`),
  ].join('')
}

function isWrong({ missing, doubled }: EpochAudit): boolean {
  return missing.length > 0 || doubled.length > 0
}
