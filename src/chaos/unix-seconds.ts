/**
 * UTC in s, by this machine's clock, which agents go by as well: so its times and theirs can be put in order to the
 * millisecond.
 */
export function utc(): number {
  return Date.now() / 1000
}

/** Begins to watch this machine's clock. @returns tells by how many seconds somebody has set it since */
export function watchClock(): () => number {
  const began = behindUptime()
  return () => behindUptime() - began
}

/** UTC less the time that no one sets, s. */
function behindUptime(): number {
  // The process may be put aside between one look and the other: then the difference is too small.
  const looks = Array.from({ length: 5 }, () => Date.now() - performance.now())
  return Math.max(...looks) / 1000
}
