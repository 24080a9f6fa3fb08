import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** A program this product is measured against: how it is had, and which one is here. */
export interface Anchor {
  readonly name: string
  /** What installs it into the cache folder; none where it takes a package of the system. */
  readonly install: readonly (readonly string[])[]
  /** What a reader types to get it, where `--install` cannot. */
  readonly get?: string
  /** Its version; undefined when it is not here. */
  version(): string | undefined
}

/** Where anchors are installed; taken before a bench gets a home of its own. */
const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'ocs-bench')

/** A path in the cache folder. */
export function cached(...parts: string[]): string {
  return join(CACHE, ...parts)
}

/** What a command prints; undefined when it is not there or fails. */
export function printed(command: readonly string[]): string | undefined {
  const [program = '', ...args] = command
  if (program.startsWith('/') && !existsSync(program)) return undefined
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 30_000 })
  return status === 0 ? `${stdout}${stderr}`.trim() : undefined
}

/** A Python in a folder of the cache, with packages; its version is what `ask` prints. */
export function venv(folder: string, packages: readonly string[]) {
  const python = cached(folder, 'bin', 'python')
  return {
    python,
    install: [
      ['python3', '-m', 'venv', cached(folder)],
      [python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages],
    ],
    /** The versions of packages, as `pip` knows them. */
    versions(...names: string[]): string | undefined {
      const ask =
        'import sys,platform,importlib.metadata as m\nprint("CPython",platform.python_version(),*[f"{n} {m.version(n)}" for n in sys.argv[1:]],sep=", ")'
      return printed([python, '-c', ask, ...names])?.replace(', ', ' ')
    },
  }
}

/** Installs an anchor into the cache folder. @throws Error with the command that failed */
export function install(anchor: Anchor): void {
  mkdirSync(CACHE, { recursive: true })
  for (const command of anchor.install) {
    const [program = '', ...args] = command
    const { status } = spawnSync(program, args, {
      cwd: CACHE,
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: 600_000,
    })
    if (status !== 0) throw new Error(`${anchor.name} is not installed: ${command.join(' ')} failed`)
  }
}
