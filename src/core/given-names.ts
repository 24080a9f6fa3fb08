/** Characters of a name that people gave, at most: what is longer explains the field. */
const LONGEST = 24

/**
 * What fields that are shown together are called: as people named them, `4K plate`, which their descriptions begin with; by
 * their own names, where there is no such name or several have the same.
 */
export function givenNames(
  fields: readonly { readonly name: string; readonly description?: string | null | undefined }[],
): ReadonlyMap<string, string> {
  const given = fields.map(({ name, description }) => {
    const text = (description ?? '').split(':')[0]?.trim() ?? ''
    return [name, text.length > 0 && text.length <= LONGEST ? text : name] as const
  })
  const alike = Map.groupBy(given, ([, text]) => text)
  return new Map(given.map(([name, text]) => [name, (alike.get(text)?.length ?? 0) > 1 ? name : text]))
}
