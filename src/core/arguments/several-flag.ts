/** A flag that may be given several times; commander passes the earlier values. */
export function severalFlag(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}
