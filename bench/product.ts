/** What the benches import of the product; all else they start as its users do. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../test/real/roles.ts'

/** The version of an installed package. */
export function packageVersion(name: string): string {
  const file = join(ROOT, 'node_modules', name, 'package.json')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
