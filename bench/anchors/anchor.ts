import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** A program with which this product is compared: how to get it, and which version is here. */
export interface Anchor {
  readonly name: string
  /** Commands that install it into the cache folder; empty if it takes a package of the system. */
  readonly install: readonly (readonly string[])[]
  /** The command for the reader if `--install` cannot get it. */
  readonly get?: string
  /** Its version; undefined if it is not here. */
  version(): string | undefined
}

/** Where anchors are installed; determined before a bench gets a home of its own. */
const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'ocs-bench')

/** A path in the cache folder. */
export function cached(...parts: string[]): string {
  return join(CACHE, ...parts)
}

/** The output of a command; undefined if it is not here or fails. */
export function printed(command: readonly string[]): string | undefined {
  const [program = '', ...args] = command
  if (program.startsWith('/') && !existsSync(program)) return undefined
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 30_000 })
  return status === 0 ? `${stdout}${stderr}`.trim() : undefined
}

/** A Python with packages in a folder of the cache; its version is the output of `ask`. */
export function venv(folder: string, packages: readonly string[]) {
  const python = cached(folder, 'bin', 'python')
  return {
    python,
    install: [
      ['python3', '-m', 'venv', cached(folder)],
      [python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages],
    ],
    /** The versions of packages, according to `pip`. */
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
