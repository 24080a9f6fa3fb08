/** Makes `dist/`, the bundle of a release (`npm pack` calls it). What is loaded by its path is an entry of its own. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import manifest from '../package.json' with { type: 'json' }
import { sbom } from './sbom.ts'

/** What mqtt.js and mqtt-packet say of each packet goes nowhere, at a twentieth of what a role costs under load (decision 0030). */
const silent: Bun.BunPlugin = {
  name: 'silent',
  setup(build) {
    build.onResolve({ filter: /^debug$/ }, () => ({ path: 'debug', namespace: 'silent' }))
    build.onLoad({ filter: /^debug$/, namespace: 'silent' }, () => ({
      contents:
        'const create = () => Object.assign(() => {}, { enabled: false, extend: create })\nmodule.exports = create',
      loader: 'js',
    }))
  },
}

const root = join(import.meta.dir, '..')
const outdir = join(root, 'dist')
rmSync(outdir, { recursive: true, force: true })
await Bun.build({
  root,
  outdir,
  target: 'bun',
  entrypoints: [
    'bin/ocs.ts',
    'src/runtime/spool/spool-worker.ts',
    'src/launch/provide-ocs.ts',
    'src/chaos/foreign-agent.ts',
    // One copy of each module: what an agent of one's own imports is what runs it.
    ...Object.values(manifest.exports),
  ].map((path) => join(root, path)),
  splitting: true,
  // Names stay, for the traces of errors.
  minify: { whitespace: true },
  plugins: [silent],
})
await Bun.write(join(outdir, 'sbom.cdx.json'), await sbom())
