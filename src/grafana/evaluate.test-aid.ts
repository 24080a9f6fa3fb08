/**
 * Evaluates an alert rule as Grafana's server does, of frames as its Graphite data source makes them of an answer. Read in
 * grafana/grafana: pkg/tsdb/graphite/query.go, pkg/expr/nodes.go, mathexp/reduce.go, threshold.go and
 * pkg/services/ngalert/eval/eval.go.
 */
import type { alertsOf } from './alerts.ts'

/** What `/render` answers. */
export interface Line {
  readonly target: string
  readonly tags: Readonly<Record<string, string>>
  readonly datapoints: readonly (readonly [number | null, number])[]
}
/** A frame: whose answer it is, what tells its series apart, its values. */
interface Frame {
  readonly refId: string
  readonly labels: string
  readonly values: readonly (number | null)[]
}
interface Data {
  readonly refId: string
  readonly relativeTimeRange?: { readonly from: number }
  readonly model: Readonly<Record<string, unknown>>
}
export interface Rule {
  readonly uid: string
  readonly noDataState: string
  readonly data: readonly Data[]
}
type State = 'Normal' | 'Alerting' | 'Error'

/** The rules of a provisioning file. */
export function rulesOf(file: ReturnType<typeof alertsOf>): readonly Rule[] {
  return (file['groups'] as { rules: readonly Rule[] }[]).flatMap(({ rules }) => rules)
}

/** What a rule's query asks of `/render` at a time (unix s). */
export function asked({ data }: Rule, now: number): Record<string, string> {
  const { relativeTimeRange, model } = data[0] as Data
  return {
    target: String(model['target']),
    from: String(Math.floor(now - (relativeTimeRange?.from ?? 0))),
    until: String(Math.floor(now)),
    maxDataPoints: String(model['maxDataPoints']),
    format: 'json',
  }
}

/** The frames of an answer. 12.4.0 leaves their refId out. */
export function framesOf(lines: readonly Line[], refId: 'A' | ''): Frame[] {
  return lines.map(({ target, tags, datapoints }) => ({
    refId,
    labels: JSON.stringify(Object.entries({ ...tags, name: target }).sort()),
    values: datapoints.map(([value]) => value),
  }))
}

/** The state of a rule: alerting as soon as one of its series is. */
export function evaluate({ data, noDataState }: Rule, frames: readonly Frame[]): State {
  const none = noDataState === 'OK' ? 'Normal' : (noDataState as State)
  const series = frames.filter(({ refId }) => refId === data[1]?.model['expression'])
  if (series.length === 0) return none
  if (new Set(series.map(({ labels }) => labels)).size < series.length) return 'Error'
  const [reduce, threshold] = data.slice(1).map(({ model }) => model) as [
    { reducer: string },
    { conditions: { evaluator: { type: string; params: number[] } }[] },
  ]
  const states = series.map(({ values }): State => {
    const kept = values.filter((value) => value !== null)
    const number = reduce.reducer === 'count' ? kept.length : kept.at(-1)
    if (number === undefined) return none
    return threshold.conditions.some(({ evaluator }) => isTrue(number, evaluator)) ? 'Alerting' : 'Normal'
  })
  return states.includes('Alerting') ? 'Alerting' : 'Normal'
}

function isTrue(
  value: number,
  { type, params: [a = Number.NaN, b = Number.NaN] }: { type: string; params: readonly number[] },
): boolean {
  if (type === 'gt') return value > a
  if (type === 'lt') return value < a
  if (type === 'outside_range') return value < a || value > b
  throw new Error(`this has no evaluator ${type}`)
}
