import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError, TransportError } from '../../core/errors.ts'
import type { Pace } from './pace.ts'
import type { Store, StoredFile } from './store.ts'

/** Seconds that the other end may be silent. */
const SILENT = 30
/** From its exit codes (rsync(1)): some files could not be read or written. */
const PARTIAL = 23
/** The request is wrong or not permitted there: syntax, protocol, files, login. */
const WRONG = new Set([1, 2, 3, 4, 5])

/** A folder that rsync reaches: on this machine, by ssh, or of a daemon. */
export class RsyncStore implements Store {
  readonly url: string
  readonly #target: string
  readonly #scratch: string
  readonly #pace: Pace
  readonly #env: Readonly<Record<string, string | undefined>>

  /**
   * @param target in rsync's syntax: `host:/folder`, `host::module/folder`, `/folder`
   * @param scratch a folder for reading back, since rsync writes only to files
   */
  constructor(
    target: string,
    scratch: string,
    pace: Pace,
    env: Readonly<Record<string, string | undefined>>,
  ) {
    this.url = target.startsWith('rsync://') ? target : `rsync:${target}`
    this.#target = target.replace(/\/+$/, '')
    this.#scratch = scratch
    this.#pace = pace
    this.#env = env
  }

  async put({ dir, path }: StoredFile, signal: AbortSignal): Promise<void> {
    // A file there with the same size and time may still differ, so it is compared.
    const flags = ['--relative', '--ignore-times', '--mkpath']
    const { code, said } = await this.#run([...flags, '--', `${dir}/./${path}`, `${this.#target}/`], signal)
    if (code !== 0) throw this.#fault(code, said)
  }

  async read(path: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined> {
    mkdirSync(this.#scratch, { recursive: true, mode: 0o700 })
    const folder = mkdtempSync(join(this.#scratch, 'rsync-'))
    const remove = () => rmSync(folder, { recursive: true, force: true })
    try {
      const { code, said } = await this.#run(['--', `${this.#target}/${path}`, join(folder, 'file')], signal)
      if (code === 0) return pieces(join(folder, 'file'), remove)
      remove()
      if (code === PARTIAL) return undefined
      throw this.#fault(code, said)
    } catch (error) {
      remove()
      throw error
    }
  }

  async #run(args: readonly string[], signal: AbortSignal): Promise<{ code: number; said: string }> {
    signal.throwIfAborted()
    const { rate } = this.#pace
    const limit = rate === undefined ? [] : [`--bwlimit=${Math.max(1, Math.round(rate / 1024))}`]
    const flags = ['--times', '--copy-links', '--protect-args', `--timeout=${SILENT}`, ...limit]
    try {
      await using child = Bun.spawn(['rsync', ...flags, ...args], {
        // Nobody is there to answer a prompt of ssh.
        env: { RSYNC_RSH: 'ssh -o BatchMode=yes', ...this.#env, LC_ALL: 'C' },
        stdio: ['ignore', 'ignore', 'pipe'],
        signal,
      })
      const said = await new Response(child.stderr).text()
      const code = await child.exited
      signal.throwIfAborted()
      return { code, said: said.trim().split('\n')[0] ?? '' }
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
      throw new ConfigError(`${this.url}: there is no rsync on this machine: install it`, { cause })
    }
  }

  #fault(code: number, said: string): Error {
    const why = `rsync ended with code ${code}: ${said}`
    return WRONG.has(code) || code === PARTIAL
      ? new ConfigError(`${this.url}: ${why}`)
      : new TransportError(`${this.url} does not answer: ${why}`)
  }
}

/** The content of a file, which is removed afterwards. */
async function* pieces(path: string, remove: () => void): AsyncGenerator<Uint8Array> {
  try {
    yield* Bun.file(path).stream()
  } finally {
    remove()
  }
}
