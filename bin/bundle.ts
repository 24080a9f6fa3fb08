/** Common parts of a release's bundle and the single binary. */
import { join } from 'node:path'
import manifest from '../package.json' with { type: 'json' }

/** The root of the clone. */
export const root = join(import.meta.dir, '..')

/** Modules that are loaded by path, besides the exported ones. */
export const BY_PATH: readonly string[] = [
  'bin/ocs.ts',
  'src/runtime/spool/spool-worker.ts',
  'src/launch/provide-ocs.ts',
]

/**
 * Removes the debug messages of mqtt.js and mqtt-packet for each packet, a twentieth of the cost of a role
 * under load (decision 0030).
 */
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

/** Build options of both. */
export const common = {
  root,
  target: 'bun',
  // Names stay, for stack traces.
  minify: { whitespace: true },
  plugins: [silent],
} as const satisfies Partial<Bun.BuildConfig>

/** Build options of a program that is one file. */
export const compiled = {
  target: 'bun',
  format: 'esm',
  splitting: true,
  bytecode: true,
  compile: {
    // As in bin/ocs: nothing in the working directory is read, and nothing installed.
    execArgv: ['--no-deprecation', '--no-install'],
    autoloadDotenv: false,
    autoloadBunfig: false,
  },
} satisfies Partial<Bun.BuildConfig>

/** The files of the modules that `ocs` exports, by the part of the name after `ocs/`; '' for `ocs` itself. */
export const exported: readonly (readonly [name: string, file: string])[] = Object.entries(
  manifest.exports,
).map(([path, file]) => [path.slice(2), file])
