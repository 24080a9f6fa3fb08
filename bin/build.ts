/**
 * Builds `dist/`, the bundle of a release (run by `npm pack`), with the manual pages and, unless `--no-docs`,
 * the docs site. Each module that is loaded by path is a separate entry.
 */
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeDocs } from '../docs/site/build.ts'
import { writeManPages } from '../docs/site/man-pages.ts'
import { BY_PATH, common, exported, root } from './bundle.ts'
import { sbom } from './sbom.ts'

const outdir = join(root, 'dist')
rmSync(outdir, { recursive: true, force: true })
const { outputs } = await Bun.build({
  ...common,
  outdir,
  // One copy of each module: a user's own agent imports the same modules that run it.
  entrypoints: [...BY_PATH, ...exported.map(([, file]) => file)].map((path) => join(root, path)),
  splitting: true,
  plugins: [...common.plugins],
})
// The name of this build: `bin/ocs` keeps what it makes of one apart from what it has made of others.
const hash = createHash('sha256')
for (const output of outputs.toSorted((a, b) => (a.path < b.path ? -1 : 1))) hash.update(await output.text())
await Bun.write(join(outdir, 'build'), `${hash.digest('hex').slice(0, 8)}\n`)
await Bun.write(join(outdir, 'sbom.cdx.json'), await sbom())
await writeManPages(join(outdir, 'man'))
if (!process.argv.includes('--no-docs')) await makeDocs()
