/**
 * Gives modules of one's own what they import from `ocs`, wherever they are: this program itself, and no package of that
 * name that happens to be installed. Loaded for its effect, before them; their tests load it first (`ocs test`).
 */
import manifest from '../../package.json' with { type: 'json' }
import { ownModule } from '../machine/own-files.ts'

/** What can be imported: `ocs`, `ocs/instrument/parts`, … */
export const provided: readonly string[] = Object.keys(manifest.exports).map((path) => `ocs${path.slice(1)}`)

Bun.plugin({
  name: 'ocs',
  setup(build) {
    for (const [path, file] of Object.entries(manifest.exports)) {
      const own = ownModule(file)
      build.module(`ocs${path.slice(1)}`, async () => ({ exports: await import(own), loader: 'object' }))
    }
  },
})
