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

/** Whether the modules of this program are within its file: the single binary, and a release once it has started. */
export const isBinary = Bun.isStandaloneExecutable

/** The folder that our modules have in common, with a package.json. */
const MODULES = upTo('package.json', import.meta.dir)

/** Whether the files that are read by path are within the program, too: the single binary. */
export const hasOwnFiles = isBinary && existsSync(join(MODULES, 'python'))

/**
 * The root of this package: of the sources, of a release with its bundle in `dist/`, or within the binary. A
 * release runs `dist/BUILD/ocs`.
 */
const ROOT = isBinary && !hasOwnFiles ? upTo('package.json', dirname(process.execPath)) : MODULES

/** Whether this is a bundle and not the sources. */
const bundled = import.meta.path.endsWith('.js') || isBinary

/**
 * The path of a file of this package; the same in the sources, a release and the binary. Paths within the
 * binary can only be read by its own processes: use `fileForOthers` for other programs.
 */
export function ownFile(path: string): string {
  return join(ROOT, path)
}

/** The program that others start: the single binary, or the launcher, which an upgrade replaces with its release. */
export const ownProgram = hasOwnFiles ? process.execPath : ownFile('bin/ocs')

/** The path of one of our modules that is loaded by path: `src/….ts`, or its bundled form. */
export function ownModule(path: string): string {
  return bundled ? join(MODULES, isBinary ? '' : 'dist', path.replace(/\.ts$/, '.js')) : join(MODULES, path)
}

/**
 * An ordinary path for a file or folder of this package: for other programs, for people, and for code that
 * reads it in pieces. The binary first writes it into the cache folder (`XDG_CACHE_HOME`), once.
 */
export function fileForOthers(path: string): string {
  if (!hasOwnFiles) return ownFile(path)
  // A new build has other files, even with the same version.
  const cache = join(
    process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'),
    'ocs',
    `${manifest.version}-${statSync(process.execPath).mtimeMs.toString(36)}`,
  )
  const there = join(cache, path)
  if (existsSync(there)) return there
  mkdirSync(dirname(there), { recursive: true, mode: 0o700 })
  // Written completely or not at all, also when two processes start at once.
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

/** Files within the binary can only be read and listed. */
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
