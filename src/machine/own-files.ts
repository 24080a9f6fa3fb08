import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Where this package lies: its package.json is there, whether its sources run or a release's bundle beneath `dist`. */
const ROOT = upTo('package.json', import.meta.dir)

/** Whether this is a release's bundle, and not sources. */
const bundled = import.meta.path.endsWith('.js')

/** The path of a file of this package, which a release has as the sources do. */
export function ownFile(path: string): string {
  return join(ROOT, path)
}

/** The path of one of our modules that is loaded by its path: `src/….ts`, or what the bundle has made of it. */
export function ownModule(path: string): string {
  return bundled ? join(ROOT, 'dist', path.replace(/\.ts$/, '.js')) : join(ROOT, path)
}

function upTo(name: string, from: string): string {
  return existsSync(join(from, name)) ? from : upTo(name, dirname(from))
}
