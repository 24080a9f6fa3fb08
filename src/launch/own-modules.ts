import manifest from '../../package.json' with { type: 'json' }
import { ownModule } from '../machine/own-files.ts'

/** What `ocs` exports, by the words behind `ocs/`. The single binary has it from itself (`bin/binary.ts`). */
export const ownModules: Readonly<Record<string, () => Promise<Record<string, unknown>>>> =
  Object.fromEntries(
    Object.entries(manifest.exports).map(([path, file]) => [path.slice(2), () => import(ownModule(file))]),
  )
