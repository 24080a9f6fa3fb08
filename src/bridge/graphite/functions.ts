import { numeric } from '../../lab/fetch-curves.ts'
import { CHOOSE } from './choose.ts'
import { COMBINE } from './combine.ts'
import type { GraphiteFunction } from './declaration.ts'
import type { Point } from './line.ts'
import { MOVING } from './moving.ts'
import { NAMING } from './naming.ts'
import { TRANSFORM } from './transform.ts'

/** Grafana draws this to test the data source, and to mark limits beside a curve. */
const constantLine: GraphiteFunction = {
  group: 'Special',
  description: 'A line at one value.',
  params: [{ name: 'value', type: 'float', required: true }],
  act: ({ values: [value], span: { from, to } }) => {
    const target = `constantLine(${value})`
    const times = [from, (from + to) / 2, to]
    const datapoints = times.map((ms): Point => [numeric(value), Math.round(ms / 1000)])
    return [{ path: target, target, tags: { name: target }, datapoints, step: (to - from) / 2000 }]
  },
}

/** The functions that can be applied to curves, by name. */
export const FUNCTIONS: ReadonlyMap<string, GraphiteFunction> = new Map(
  Object.entries({ ...NAMING, ...TRANSFORM, ...MOVING, ...COMBINE, ...CHOOSE, constantLine }),
)
