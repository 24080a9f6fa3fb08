import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import manifest from '../../package.json' with { type: 'json' }

/** Whether this is the single binary, whose files are within it. */
export const isBinary = Bun.isStandaloneExecutable

/** Where this package lies: its package.json is there, whether its sources run, a release's bundle beneath `dist`, or the binary. */
const ROOT = upTo('package.json', import.meta.dir)

/** Whether the bundler has made this, and it is not sources. */
const bundled = import.meta.path.endsWith('.js') || isBinary

/**
 * The path of a file of this package, which a release and the binary have as the sources do. Within the binary this process
 * and others of it can read it, and nobody else: `fileForOthers` is for those.
 */
export function ownFile(path: string): string {
  return join(ROOT, path)
}

/** The path of one of our modules that is loaded by its path: `src/….ts`, or what the bundle has made of it. */
export function ownModule(path: string): string {
  return bundled ? join(ROOT, isBinary ? '' : 'dist', path.replace(/\.ts$/, '.js')) : join(ROOT, path)
}

/**
 * The path of a file or folder of this package as a path like any other: for other programs, for people, and for what reads it in pieces. The binary writes it into the cache folder
 * (`XDG_CACHE_HOME`) first, once.
 */
export function fileForOthers(path: string): string {
  if (!isBinary) return ownFile(path)
  // One that is built anew has other files, whatever its version.
  const cache = join(
    process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'),
    'ocs',
    `${manifest.version}-${statSync(process.execPath).mtimeMs.toString(36)}`,
  )
  const there = join(cache, path)
  if (existsSync(there)) return there
  mkdirSync(dirname(there), { recursive: true, mode: 0o700 })
  // Whole or not at all, also where two begin at once.
  const made = mkdtempSync(join(cache, 'new-'))
  copyOut(ownFile(path), join(made, 'it'))
  try {
    renameSync(join(made, 'it'), there)
  } catch (error) {
    if (!existsSync(there)) throw error
  }
  rmSync(made, { recursive: true })
  return there
}

/** What is within the binary can be read and listed, and nothing else. */
function copyOut(from: string, to: string): void {
  let names: string[] | undefined
  try {
    names = readdirSync(from)
  } catch {
    writeFileSync(to, readFileSync(from))
    return
  }
  mkdirSync(to)
  for (const name of names) copyOut(join(from, name), join(to, name))
}

function upTo(name: string, from: string): string {
  const above = dirname(from)
  return existsSync(join(from, name)) || above === from ? from : upTo(name, above)
}
