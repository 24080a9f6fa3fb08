/** Why a disk cannot be written: it is full, read-only, or failing. */
type DiskFault = 'full' | 'read-only' | 'failing'

/** The remedy, for the end of a message. */
const diskRemedies: Readonly<Record<DiskFault, string>> = {
  full: 'make room on its disk',
  'read-only': 'mount its disk for writing',
  failing: 'see what is wrong with its disk (dmesg)',
}

/** Error codes of the system (errno) and of SQLite, whose longer codes begin with these. */
const codes: readonly (readonly [DiskFault, RegExp])[] = [
  ['full', /^(ENOSPC|EDQUOT|SQLITE_FULL)/],
  ['read-only', /^(EROFS|SQLITE_READONLY)/],
  ['failing', /^(EIO$|SQLITE_IOERR)/],
]

/**
 * The fault of the disk, from the code of an error or of its cause; undefined if the cause is not the disk.
 */
export function diskFault(error: unknown): DiskFault | undefined {
  if (!(error instanceof Error)) return undefined
  const { code = '' } = error as NodeJS.ErrnoException
  const found = codes.find(([, pattern]) => pattern.test(code))
  return found ? found[0] : diskFault(error.cause)
}

/** What to do about an error: the remedy for the disk if that is the cause, otherwise `otherwise`. */
export function diskAdvice(error: unknown, otherwise: string): string {
  const fault = diskFault(error)
  return fault ? diskRemedies[fault] : otherwise
}
