/** What a release's bundle and the single binary have in common. */
import { join } from 'node:path'
import manifest from '../package.json' with { type: 'json' }

/** The clone. */
export const root = join(import.meta.dir, '..')

/** What is loaded by its path, besides what is exported. */
export const BY_PATH: readonly string[] = [
  'bin/ocs.ts',
  'src/runtime/spool/spool-worker.ts',
  'src/launch/provide-ocs.ts',
]

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

/** How either is built. */
export const common = {
  root,
  target: 'bun',
  // Names stay, for the traces of errors.
  minify: { whitespace: true },
  plugins: [silent],
} as const satisfies Partial<Bun.BuildConfig>

/** The files of what `ocs` exports, by the word behind `ocs/`; '' for `ocs` itself. */
export const exported: readonly (readonly [name: string, file: string])[] = Object.entries(
  manifest.exports,
).map(([path, file]) => [path.slice(2), file])
