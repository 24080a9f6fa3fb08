import { accessSync, constants, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { diskFault } from '../../core/disk-fault.ts'
import { ConfigError, messageOf, TransportError } from '../../core/errors.ts'
import { mustKnowVersion } from '../../machine/file-version.ts'
import type { Disk } from './disk.ts'
import { RECORD_ELSEWHERE } from './ledger.ts'
import { lockDataDir } from './lock.ts'
import { ownPath } from './own-folder.ts'

const idPath = (dir: string) => ownPath(dir, 'data-dir')
/** Version of the layout of the recorder's own folder; the first releases wrote none. */
const VERSION = 1
const IdFile = z.object({ data_dir: z.string().min(1), created: z.number() })
const Versioned = z.object({ version: z.int() })

/**
 * Checks, before anything is announced, that a recorder can work in a data directory, and creates it if
 * needed. A full disk is no reason to give up: recording begins once there is room, and reports the problem
 * until then.
 * @returns the directory's absolute path
 * @throws ConfigError if it cannot be created or written, or if another recorder works there
 */
export function checkDataDir(path: string): string {
  const dir = resolve(path)
  const probe = ownPath(dir, `probe-${process.pid}`)
  try {
    mkdirSync(dirname(probe), { recursive: true })
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK)
    writeFileSync(probe, '')
    rmSync(probe)
    lockDataDir(dir)[Symbol.dispose]()
  } catch (cause) {
    if (diskFault(cause) === 'full') return dir
    if (cause instanceof ConfigError || cause instanceof TransportError) throw cause
    const text = `data directory ${dir} cannot be written (${messageOf(cause)}): choose another with --data-dir`
    throw new ConfigError(text, { cause })
  }
  return dir
}

/**
 * The UUID of a data directory, which its agents' spools remember; undefined if it has none yet or is
 * unreadable.
 * @throws ConfigError if a newer ocs records there
 */
export async function readId(disk: Disk, dir: string): Promise<string | undefined> {
  try {
    const text = new TextDecoder().decode(await disk.read(idPath(dir)))
    const stored: unknown = JSON.parse(text)
    mustKnowVersion(idPath(dir), Versioned.safeParse(stored).data?.version ?? 0, VERSION, RECORD_ELSEWHERE)
    return IdFile.parse(stored).data_dir
  } catch (error) {
    const unreadable = error instanceof SyntaxError || error instanceof z.ZodError
    if (unreadable || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Writes a data directory's UUID durably. */
export async function writeId(disk: Disk, dir: string, id: string): Promise<void> {
  const path = idPath(dir)
  await disk.remove(path)
  const file = await disk.create(path)
  try {
    const text = JSON.stringify({ version: VERSION, data_dir: id, created: Date.now() / 1000 })
    await file.write(new TextEncoder().encode(`${text}\n`), 0)
    await file.datasync()
  } finally {
    await file.close()
  }
  await disk.syncFolder(dirname(path))
  await disk.syncFolder(dir)
}
