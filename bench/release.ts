import { execFileSync } from 'node:child_process'
import { mkdtempSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../test/real/roles.ts'

let made: string | undefined

/**
 * A released `ocs`: the unpacked `npm pack` of this clone, with the packages installed here. Made once per
 * run, in its temporary folder.
 * @returns the path of its launcher
 */
export function release(): string {
  made ??= makeRelease()
  return made
}

function makeRelease(): string {
  const dir = mkdtempSync(join(tmpdir(), 'release-'))
  const run = (command: string, ...args: string[]) =>
    execFileSync(command, args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] })
  // Without a network the tools for the docs are not available, and nobody reads the docs here.
  run(process.execPath, join('bin', 'build.ts'), '--no-docs')
  run('npm', 'pack', '--ignore-scripts', '--pack-destination', dir)
  const [file = ''] = [...new Bun.Glob('*.tgz').scanSync(dir)]
  run('tar', '-xzf', join(dir, file), '-C', dir)
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'package', 'node_modules'))
  const launcher = join(dir, 'package', 'bin', 'ocs')
  // The first start prepares the release.
  run(launcher, '--version')
  return launcher
}
