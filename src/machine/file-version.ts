import { ConfigError } from '../core/errors.ts'

/** What to do about a file that can be begun anew. */
const ASIDE = 'run the newer one, or move the file aside'

/**
 * That a kept file is of a version that this ocs knows. Each is refused before anything is written: what an older program makes of it
 * would be worse than nothing.
 * @param found the version that the file says; files of the first versions say none, or 0
 * @param known the newest that this program knows
 * @param advice what to do
 * @throws ConfigError for one that a newer ocs wrote
 */
export function mustKnowVersion(file: string, found: number, known: number, advice = ASIDE): void {
  if (found <= known) return
  throw new ConfigError(`${file} has version ${found}, from a newer ocs; this one knows ${known}: ${advice}`)
}
