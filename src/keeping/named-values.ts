/** The texts of a document that stand under a key, or behind a flag, of a name. */
export function namedValues(document: unknown, name: RegExp): string[] {
  if (document === null || typeof document !== 'object') return []
  const pairs = Array.isArray(document)
    ? document.map((item, at) => [String(document[at - 1]), item] as const)
    : Object.entries(document)
  return pairs.flatMap(([key, value]) =>
    name.test(key) && typeof value === 'string' ? [value] : namedValues(value, name),
  )
}

/** What a site file calls the folder that a recorder writes to. */
export const DATA_DIR = /^(?:--)?data[-_]dir$/
