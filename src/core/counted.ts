/**
 * A number with its noun: `1 feed`, `2 feeds`, `0 rows`. Pass `plural` if it is irregular or includes a verb.
 */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`
}
