import type { FieldView, NodeView } from './shape.ts'

/** Maximum curves of one plot: more cannot be distinguished. */
const CURVES = 16

/** Fields that are drawn together: of one node, with one unit and one kind of name. */
export interface Group {
  /** Stays the same as long as the node has the fields. */
  readonly key: string
  readonly title: string
  readonly units: string | null
  readonly fields: readonly FieldView[]
}

/**
 * Groups the fields of a node into plots: names that differ only by numbers go together, those with a unit
 * first.
 */
export function groupsOf({ name, fields }: NodeView): Group[] {
  const alike = Map.groupBy(
    fields,
    ({ field, units, type }) => `${pattern(field)} ${units ?? ''} ${type === 'string' ? 'text' : ''}`,
  )
  return [...alike]
    .map(([key, list]) => ({
      key,
      units: list[0]?.units ?? null,
      list: list.sort((a, b) => a.field.localeCompare(b.field, 'en', { numeric: true })),
    }))
    .sort((a, b) => Number(a.units === null) - Number(b.units === null))
    .flatMap(({ key, units, list }) =>
      pieces(list).map((part) => ({
        key: `${name} ${key} ${part[0]?.field}`,
        title: titleOf(part),
        units,
        fields: part,
      })),
    )
}

/** A name without its numbers. */
function pattern(field: string): string {
  return field.replaceAll(/\d+/g, '#')
}

function pieces(list: readonly FieldView[]): FieldView[][] {
  return Array.from({ length: Math.ceil(list.length / CURVES) }, (_, i) =>
    list.slice(i * CURVES, (i + 1) * CURVES),
  )
}

/** `Channel_1_T … Channel_8_T`. */
function titleOf(list: readonly FieldView[]): string {
  const [first, last] = [list[0]?.field ?? '', list.at(-1)?.field ?? '']
  return list.length > 1 ? `${first} … ${last}` : first
}
