/**
 * Makes `dist/`, the bundle of a release (`npm pack` calls it), with the manual pages and, but for `--no-docs`, the site of
 * the docs. What is loaded by its path is an entry of its own.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeDocs } from '../docs/site/build.ts'
import { writeManPages } from '../docs/site/man-pages.ts'
import { BY_PATH, common, exported, root } from './bundle.ts'
import { sbom } from './sbom.ts'

const outdir = join(root, 'dist')
rmSync(outdir, { recursive: true, force: true })
await Bun.build({
  ...common,
  outdir,
  // One copy of each module: what an agent of one's own imports is what runs it.
  entrypoints: [...BY_PATH, ...exported.map(([, file]) => file)].map((path) => join(root, path)),
  splitting: true,
  plugins: [...common.plugins],
})
await Bun.write(join(outdir, 'sbom.cdx.json'), await sbom())
await writeManPages(join(outdir, 'man'))
if (!process.argv.includes('--no-docs')) await makeDocs()
