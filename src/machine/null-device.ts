import { fstatSync, statSync } from 'node:fs'

/** Whether an open file is /dev/null. */
export function isNull(fd: number): boolean {
  try {
    const file = fstatSync(fd)
    return file.isCharacterDevice() && file.rdev === statSync('/dev/null').rdev
  } catch {
    return false
  }
}
