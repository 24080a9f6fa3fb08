import type { z } from 'zod'

/**
 * The JSON lines of a text that fit a schema. A line that a crash truncated or somebody damaged is skipped;
 * the others stay.
 */
export function jsonLines<Form extends z.ZodType>(text: string, form: Form): z.output<Form>[] {
  return text.split('\n').flatMap((line) => {
    try {
      const { data } = form.safeParse(JSON.parse(line))
      return data === undefined ? [] : [data]
    } catch {
      return []
    }
  })
}
