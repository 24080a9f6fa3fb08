import type { FieldsAnswer } from '../core/data-node.ts'
import { NodeField } from '../core/names.ts'
import { label } from '../core/printable.ts'
import { schemaFault } from '../core/schema-fault.ts'

/** What a data node serves, without fields whose names no reader could take; `refused` hears of each, and why. */
export function fitFields(
  { fields, timelines }: FieldsAnswer,
  refused: (name: string, why: string) => void,
): FieldsAnswer {
  const fit = Object.entries(fields).filter(([name]) => {
    const { error } = NodeField.safeParse(name)
    if (error) refused(label(name, 60), schemaFault(error))
    return !error
  })
  return { fields: Object.fromEntries(fit), timelines }
}
