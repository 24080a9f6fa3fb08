/** Why a disk takes nothing: it is full, may only be read, or fails. */
type DiskFault = 'full' | 'read-only' | 'failing'

/** What helps, for the end of a message. */
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

/** What is wrong with the disk, by the code of an error or of what caused it; undefined where something else is. */
export function diskFault(error: unknown): DiskFault | undefined {
  if (!(error instanceof Error)) return undefined
  const { code = '' } = error as NodeJS.ErrnoException
  const found = codes.find(([, pattern]) => pattern.test(code))
  return found ? found[0] : diskFault(error.cause)
}

/** What to do about an error: what helps the disk, where that is at fault, else `otherwise`. */
export function diskAdvice(error: unknown, otherwise: string): string {
  const fault = diskFault(error)
  return fault ? diskRemedies[fault] : otherwise
}
