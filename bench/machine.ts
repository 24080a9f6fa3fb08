import { arch, cpus, loadavg, release, totalmem } from 'node:os'
import { ROOT } from '../test/real/roles.ts'
import { printed } from './anchors/anchor.ts'
import { packageVersion } from './product.ts'

/**
 * The name of a run in the table: its minute (UTC) and the commit, with a `+` if files have changed since.
 */
export function runName(): string {
  const git = (...args: string[]) => printed(['git', '-C', ROOT, ...args])
  const commit = git('rev-parse', '--short', 'HEAD') ?? 'unknown'
  const changed = git('status', '--porcelain', '--untracked-files=no', '--', 'src', 'bin') ? '+' : ''
  return `${new Date().toISOString().slice(0, 16).replace('T', ' ')} ${commit}${changed}`
}

/** The machine, and how busy it was before the run. */
export function machine(): string {
  const all = cpus()
  const load = loadavg().map((value) => value.toFixed(1))[0]
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  return `${all.length} × ${all[0]?.model ?? arch()}, ${memory}, Linux ${release()}, load ${load} before`
}

/** What the product runs on. */
export function ownVersions(): string {
  const node = printed(['node', '--version'])?.slice(1)
  const parts = [`Bun ${Bun.version}`, `Node ${node}`]
  const packages = ['aedes', 'mqtt'].map((name) => `${name} ${packageVersion(name)}`)
  return [...parts, ...packages].join(', ')
}
