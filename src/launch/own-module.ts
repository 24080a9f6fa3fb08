import { accessSync, constants, existsSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import type { Agent } from '../core/agent.ts'
import { ConfigError, messageOf, UsageError } from '../core/errors.ts'
import { didYouMean } from '../core/names.ts'
import { ownFile } from '../machine/own-files.ts'
import type { Module } from '../site/instances.ts'

/** Milliseconds in which a module must have loaded: one that never finishes must not block others. */
const LOAD_MS = 10_000
/** Our own code: a module may lie in a folder above it. */
const OURS = ['src', 'dist', 'bin', 'test'].map((folder) => ownFile(folder) + sep)
/** The stamps of loaded files at the time of loading. */
const loaded = new Map<string, string>()

/** The exports of a user's own module. */
export type Exports = Readonly<Record<string, unknown>>

/** @throws UsageError for a file that does not exist or cannot be read */
export function mustBeReadable(file: string): void {
  try {
    if (!statSync(file).isFile()) throw new Error('it is not a file')
    accessSync(file, constants.R_OK)
  } catch (cause) {
    throw new UsageError(`${file}: ${messageOf(cause)}`, { cause })
  }
}

/**
 * Loads a user's own module. Loads it again when its file has changed, together with imports from the same
 * folder.
 * @param name a path relative to the folder, or the name of an npm package installed there
 * @throws ConfigError when there is none, or it cannot be loaded
 */
export async function importOwn(name: string, folder: string): Promise<Exports> {
  const file = fileOf(name, folder)
  const { provided } = await import('./provide-ocs.ts')
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`has not loaded in ${LOAD_MS / 1000} s`)), LOAD_MS)
  try {
    mustBeReadable(file)
    const stamp = stampOf(file)
    if (loaded.get(file) !== stamp) forget(dirname(file))
    loaded.set(file, stamp)
    return (await Promise.race([import(file), late.promise])) as Exports
  } catch (cause) {
    loaded.delete(file)
    throw new ConfigError(`module ${name}: ${faultOf(cause, file, provided)}`, { cause })
  } finally {
    clearTimeout(timer)
  }
}

/**
 * The agent that a module declares as its default export.
 * @throws ConfigError when it declares none
 */
export async function importAgent({ name, folder }: Pick<Module, 'name' | 'folder'>): Promise<Agent> {
  const { default: agent } = (await importOwn(name, folder)) as { readonly default?: Agent }
  if (agent?.spec && agent.ops) return agent
  throw new ConfigError(
    `module ${name}: its default export is not an agent: export default defineAgent({ … })`,
  )
}

/** The file of a module that is named by its path, whether or not it exists; undefined for an npm package. */
export function modulePath({ name, folder }: Pick<Module, 'name' | 'folder'>): string | undefined {
  const path = resolve(folder, name)
  return isPath(name) || existsSync(path) ? path : undefined
}

/** A stamp that changes when a module's file does; '' if there is no file. */
export function moduleStamp({ name, folder }: Pick<Module, 'name' | 'folder'>): string {
  try {
    return stampOf(fileOf(name, folder))
  } catch {
    return ''
  }
}

/** Makes Bun read modules of a folder again: it caches a module by its path, even if the file has changed. */
function forget(folder: string): void {
  // A module that has thrown is cached too, but not listed.
  const beside = readdirSync(folder).map((name) => join(folder, name))
  for (const path of [...Object.keys(require.cache), ...beside]) {
    const isOwn = path.startsWith(folder + sep) && !OURS.some((ours) => path.startsWith(ours))
    if (isOwn && !path.includes(`${sep}node_modules${sep}`)) delete require.cache[path]
  }
}

/** What is wrong with a module, with file and position if Bun gives them. */
function faultOf(cause: unknown, file: string, provided: readonly string[]): string {
  const fault: unknown = cause instanceof AggregateError ? cause.errors[0] : cause
  if (fault instanceof BuildMessage && fault.position)
    return `${fault.position.file}:${fault.position.line}:${fault.position.column}: ${fault.message}`
  if (fault instanceof ResolveMessage && fault.specifier.startsWith('ocs/')) {
    const [near] = didYouMean(fault.specifier, provided)
    const rather = near === undefined ? `it has ${provided.join(', ')}` : `did you mean "${near}"?`
    return `${file}: ocs has no "${fault.specifier}": ${rather}`
  }
  const { stack = '' } = fault instanceof Error ? fault : {}
  const [where] = new RegExp(`${RegExp.escape(file)}:\\d+:\\d+`).exec(stack) ?? []
  return `${where ?? file}: ${messageOf(fault)}`
}

function fileOf(name: string, folder: string): string {
  const path = resolve(folder, name)
  if (existsSync(path)) return realpathSync(path)
  if (isPath(name)) throw new ConfigError(`module ${name}: there is no file ${path}`)
  try {
    return realpathSync(Bun.resolveSync(name, folder))
  } catch (cause) {
    throw new ConfigError(
      `module ${name}: there is no file ${path}, and no npm package of this name is installed in ${folder}`,
      { cause },
    )
  }
}

function isPath(name: string): boolean {
  return /^(\.{0,2}\/|[A-Za-z]:)/.test(name)
}

function stampOf(file: string): string {
  const { mtimeMs, size } = statSync(file)
  return `${mtimeMs}-${size}`
}
