import { ConfigError } from '../core/errors.ts'

/** Advice for a file that can be created anew. */
const ASIDE = 'run the newer one, or move the file aside'

/**
 * Checks that a stored file has a version that this ocs knows. A newer one is refused before anything is
 * written: what an older program makes of it would be worse than nothing.
 * @param found the version in the file; files of the first versions have none, or 0
 * @param known the newest version that this program knows
 * @param advice what to do
 * @throws ConfigError for one that a newer ocs wrote
 */
export function mustKnowVersion(file: string, found: number, known: number, advice = ASIDE): void {
  if (found <= known) return
  throw new ConfigError(`${file} has version ${found}, from a newer ocs; this one knows ${known}: ${advice}`)
}
