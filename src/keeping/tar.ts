import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { ConfigError, OpError } from '../core/errors.ts'

/** Names of archives that `pack` makes. */
export const TAR_NAME = /\.(?:tar\.gz|tgz)$/

/**
 * Packs what is in a folder into one `.tar.gz` of this account's alone, whole and synced, in the place of what is there. By the
 * program `tar`, which streams: what is packed may be larger than memory.
 * @throws OpError when it cannot be written, ConfigError where there is no tar
 */
export async function pack(folder: string, file: string): Promise<void> {
  const fresh = `${file}.${randomBytes(4).toString('hex')}.part`
  try {
    closeSync(openSync(fresh, 'wx', 0o600))
    await tar(['--create', '--gzip', '--file', fresh, '--directory', folder, '.'])
    const written = openSync(fresh, 'r')
    fsyncSync(written)
    closeSync(written)
    renameSync(fresh, file)
  } finally {
    rmSync(fresh, { force: true })
  }
}

/** Unpacks an archive into a folder that is there. @throws OpError when it is none, or is damaged */
export async function unpack(file: string, folder: string): Promise<void> {
  await tar(['--extract', '--gzip', '--no-same-owner', '--file', file, '--directory', folder])
}

async function tar(words: readonly string[]): Promise<void> {
  const program = Bun.which('tar')
  if (program === null) throw new ConfigError('there is no program "tar" on the PATH: install it')
  // A colon in a name would have it look for another host.
  const child = Bun.spawn([program, '--force-local', ...words], {
    stdout: 'ignore',
    stderr: 'pipe',
    env: { ...process.env, TAR_OPTIONS: '' },
  })
  const [said, code] = await Promise.all([child.stderr.text(), child.exited])
  if (code !== 0) throw new OpError(`tar ended with ${code}: ${said.trim()}`)
}
