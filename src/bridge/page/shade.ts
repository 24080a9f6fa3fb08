import type { FieldView, RunView } from './shape.ts'

/**
 * The runs that shade a plot of some fields: operations of the agents that read them, and of no other
 * instrument.
 */
export function shade(
  runs: readonly RunView[],
  fields: readonly Pick<FieldView, 'instance'>[],
): readonly RunView[] {
  const read = new Set(fields.map(({ instance }) => instance))
  return runs.filter(({ instance }) => read.has(instance))
}
