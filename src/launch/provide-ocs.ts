/**
 * Gives modules of one's own what they import from `ocs`, wherever they are: this program itself, and no package of that
 * name that happens to be installed. Loaded for its effect, before them; their tests load it first (`ocs test`).
 */
import { fileURLToPath } from 'node:url'
import manifest from '../../package.json' with { type: 'json' }

Bun.plugin({
  name: 'ocs',
  setup(build) {
    for (const [path, file] of Object.entries(manifest.exports)) {
      const own = fileURLToPath(new URL(`../../${file}`, import.meta.url))
      build.module(`ocs${path.slice(1)}`, async () => ({ exports: await import(own), loader: 'object' }))
    }
  },
})
