/** A flag that may be given several times: commander hands on what was given before. */
export function severalFlag(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}
