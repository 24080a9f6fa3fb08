/**
 * Gives modules of one's own what they import from `ocs`, wherever they are: this program itself, and no package of that
 * name that happens to be installed. Loaded for its effect, before them; their tests load it first (`ocs test`).
 */
import { ownModules } from './own-modules.ts'

const named = (words: string) => (words === '' ? 'ocs' : `ocs/${words}`)

/** What can be imported: `ocs`, `ocs/instrument/parts`, … */
export const provided: readonly string[] = Object.keys(ownModules).map(named)

Bun.plugin({
  name: 'ocs',
  setup(build) {
    for (const [words, load] of Object.entries(ownModules))
      build.module(named(words), async () => ({ exports: await load(), loader: 'object' }))
  },
})
