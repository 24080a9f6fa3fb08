import { ask, cell } from '../../lab/fetch-curves.ts'
import type { Nodes } from '../../lab/nodes.ts'
import { type Metric, readTarget } from '../../lab/targets.ts'
import type { Cell, Part } from '../page/shape.ts'

/** Maximum metrics of one answer. */
export const MAX_METRICS = 100
/** Maximum points of one metric. */
export const MAX_POINTS = 2000

/**
 * The data of metrics between two times (unix ms), thinned to `points` each; unknown metrics are left out.
 */
export async function past(
  nodes: Nodes,
  texts: readonly string[],
  span: { readonly from: number; readonly to: number; readonly points: number },
): Promise<Part[]> {
  const metrics = texts.flatMap((text): Metric[] => {
    const target = readTarget(text)
    return target ? [target.literal] : []
  })
  const curves = await ask(nodes, metrics, span)
  return metrics.flatMap((metric): Part[] => {
    const curve = curves(metric)
    return curve ? [{ t: curve.t, values: { [metric.text]: curve.values.map(cell) as Cell[] } }] : []
  })
}
