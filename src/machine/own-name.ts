import { existsSync, realpathSync } from 'node:fs'
import { relative } from 'node:path'
import { ownProgram } from './own-files.ts'

/** How this program was called, from a user's shell. */
interface Called {
  /** The program file: `bin/ocs` of a clone or release, or the binary. */
  readonly program: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly folder: string
}

/**
 * What a user types to run `ocs` in the same way again: `npx ocs` in a clone started by npm, `ocs` if the
 * shell finds it by that name, otherwise its path.
 */
export function ownName(called: Called = here()): string {
  const { program, env, folder } = called
  if (env['npm_command'] !== undefined) return 'npx ocs'
  const found = Bun.which('ocs', { PATH: env['PATH'] ?? '', cwd: folder })
  if (found && realpathSync(found) === (existsSync(program) ? realpathSync(program) : program)) return 'ocs'
  const near = relative(folder, program)
  if (near.startsWith('..')) return program
  return near.includes('/') ? near : `./${near}`
}

function here(): Called {
  return {
    program: ownProgram,
    env: process.env,
    folder: process.cwd(),
  }
}
