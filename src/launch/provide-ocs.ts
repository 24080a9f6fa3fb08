/**
 * Makes imports from `ocs` in users' own modules, wherever they are, resolve to this program itself, and not
 * to an installed package of that name. Loaded for its side effect before such modules; their tests load it
 * first (`ocs test`).
 */
import { ownModules } from './own-modules.ts'

const named = (words: string) => (words === '' ? 'ocs' : `ocs/${words}`)

/** The names that can be imported: `ocs`, `ocs/instrument/parts`, … */
export const provided: readonly string[] = Object.keys(ownModules).map(named)

Bun.plugin({
  name: 'ocs',
  setup(build) {
    for (const [words, load] of Object.entries(ownModules))
      build.module(named(words), async () => ({ exports: await load(), loader: 'object' }))
  },
})
