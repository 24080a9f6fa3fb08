/** A number with its noun: `1 feed`, `2 feeds`, `0 rows`; what has another plural, such as one with its verb, says it. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`
}
