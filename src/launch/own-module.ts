import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Agent } from '../core/agent.ts'
import { ConfigError, messageOf, UsageError } from '../core/errors.ts'
import type { Module } from '../site/site.ts'

/** Milliseconds in which a module has to have loaded: one that waits for ever must not keep others waiting. */
const LOAD_MS = 10_000

/** What a module of one's own exports. */
export type Exports = Readonly<Record<string, unknown>>

/** @throws UsageError for what is no file that can be read */
export function mustBeReadable(file: string): void {
  try {
    if (!statSync(file).isFile()) throw new Error('it is not a file')
    accessSync(file, constants.R_OK)
  } catch (cause) {
    throw new UsageError(`${file}: ${messageOf(cause)}`, { cause })
  }
}

/**
 * Loads a module of one's own, anew when its file has changed.
 * @param name a path, seen from the folder, or the name of an npm package that is installed there
 * @throws ConfigError when there is none, or it cannot be loaded
 */
export async function importOwn(name: string, folder: string): Promise<Exports> {
  const file = fileOf(name, folder)
  await import('./provide-ocs.ts')
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`has not loaded in ${LOAD_MS / 1000} s`)), LOAD_MS)
  try {
    mustBeReadable(file)
    const { href } = pathToFileURL(file)
    return (await Promise.race([import(`${href}?${stampOf(file)}`), late.promise])) as Exports
  } catch (cause) {
    throw new ConfigError(`module ${name}: ${messageOf(cause)}`, { cause })
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
  throw new ConfigError(`module ${name}: its default export is no agent: export default defineAgent({ … })`)
}

/** Changes when a module's file does; '' when there is none. */
export function moduleStamp({ name, folder }: Pick<Module, 'name' | 'folder'>): string {
  try {
    return stampOf(fileOf(name, folder))
  } catch {
    return ''
  }
}

function fileOf(name: string, folder: string): string {
  const path = resolve(folder, name)
  if (existsSync(path)) return path
  if (/^(\.{0,2}\/|[A-Za-z]:)/.test(name)) throw new ConfigError(`module ${name}: there is no file ${path}`)
  try {
    return Bun.resolveSync(name, folder)
  } catch (cause) {
    throw new ConfigError(
      `module ${name}: there is no file ${path}, and no npm package of this name is installed in ${folder}`,
      { cause },
    )
  }
}

function stampOf(file: string): string {
  const { mtimeMs, size } = statSync(file)
  return `${mtimeMs}-${size}`
}
