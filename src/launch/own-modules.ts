import manifest from '../../package.json' with { type: 'json' }
import { ownModule } from '../machine/own-files.ts'

/**
 * The exports of `ocs`, by the part of the name after `ocs/`. The single binary contains them
 * (`bin/binary.ts`).
 */
export const ownModules: Readonly<Record<string, () => Promise<Record<string, unknown>>>> =
  Object.fromEntries(
    Object.entries(manifest.exports).map(([path, file]) => [path.slice(2), () => import(ownModule(file))]),
  )
