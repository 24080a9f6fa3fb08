/** Longest name that people give, in characters; a longer text is an explanation of the field. */
const LONGEST = 24

/**
 * Names of fields that are shown together: the names that people gave, `4K plate`, with which their
 * descriptions begin; or the fields' own names, if a field has no given name or several share one.
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
