import type { z } from 'zod'

/** The lines of a text that are JSON of a form; one that a crash cut short, or that somebody spoilt, costs itself. */
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
