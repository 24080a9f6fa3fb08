/**
 * `npm run release`: the package, its list of parts and the checksums in `release/`, made from a commit only.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import manifest from '../package.json' with { type: 'json' }
import { releaseProblems } from './release-problems.ts'
import { sumLine } from './sum-line.ts'

const root = join(import.meta.dir, '..')
const out = join(root, 'release')
const { version } = manifest

async function output(...command: string[]): Promise<string> {
  const child = Bun.spawn(command, { cwd: root, stdout: 'pipe', stderr: 'inherit' })
  const text = await child.stdout.text()
  if ((await child.exited) !== 0) throw new Error(`${command.join(' ')} ended with ${child.exitCode}`)
  return text
}

const problems = releaseProblems(version, await output('git', 'status', '--porcelain'), (path) =>
  readFileSync(join(root, path), 'utf8'),
)
for (const problem of problems) process.stderr.write(`${problem}\n`)
if (problems.length > 0) process.exitCode = 1
else await release()

async function release(): Promise<void> {
  rmSync(out, { recursive: true, force: true })
  mkdirSync(out)
  // The bundle is built before packing (prepack).
  await output('npm', 'pack', '--pack-destination', out)
  copyFileSync(join(root, 'dist', 'sbom.cdx.json'), join(out, `ocs-${version}.sbom.cdx.json`))
  const sums = readdirSync(out).map((name) => sumLine(join(out, name)))
  await Bun.write(join(out, 'SHA256SUMS'), sums.join(''))
  const commit = (await output('git', 'rev-parse', 'HEAD')).trim()
  process.stdout.write(`${version}, commit ${commit}, is in ${out}: git tag v${version} names it\n`)
}
