import { OpCode } from '../core/ops.ts'
import { overdueAfter } from '../core/rhythm.ts'
import type { Shown } from '../core/shown-node.ts'
import { unitsBehind } from '../core/shown-value.ts'
import type { Dialect } from './dialects.ts'
import { uidOf } from './ids.ts'

type Json = Readonly<Record<string, unknown>>

/** The states of all processes, which are to go on for good. */
const PROCESSES = 'aliasByNode(processes.*.*, 1, 2)'
/** Seconds of data that a rule looks at, at least. */
const LOOK = 300
/** Seconds that a rule for silence looks at where no rhythm is known: some instruments are asked every ten minutes. */
const LOOK_UNKNOWN = 3600
/** Samples of a curve that a rule needs. */
const POINTS = 300

/**
 * Example alert rules, for Graphite alone, as Grafana's own server cannot ask the other two: a data node that is silent, an
 * process that failed or is degraded, and a field outside its declared range.
 */
export function alertsOf(lab: readonly Shown[], graphite: Dialect): Json {
  const silent = lab.map((node) => ({
    look: lookOf(node.fields),
    uid: uidOf('silent', node.name),
    title: `${node.name} is silent`,
    // Some field may rightly say nothing for hours, as a heater's setting: with no curve left there is no data, which fires.
    ask: graphite.fields(node.name).map((query) => {
      return { ...query, target: `removeEmptySeries(${query['target']})` }
    }),
    reducer: 'count',
    evaluator: { type: 'lt', params: [1] },
    noDataState: 'Alerting',
    summary: `No sample of ${node.name} in ${Math.ceil(lookOf(node.fields) / 60)} min: is its agent running? (ocs ctrl status)`,
  }))
  const failed = {
    uid: uidOf('operations'),
    title: 'A process failed or is degraded',
    ask: graphite.states().map((query) => ({ ...query, target: PROCESSES })),
    reducer: 'last',
    evaluator: { type: 'gt', params: [OpCode.SUCCEEDED] },
    noDataState: 'OK',
    summary: '{{ $labels.instance }} {{ $labels.operation }} (ocs ctrl history)',
  }
  const outside = lab.flatMap((node) =>
    (node.fields ?? []).flatMap(({ name, range, units }) => {
      if (!range || (range[0] === null && range[1] === null)) return []
      const [low, high] = range
      const evaluator =
        low === null
          ? { type: 'gt', params: [high] }
          : high === null
            ? { type: 'lt', params: [low] }
            : { type: 'outside_range', params: [low, high] }
      return {
        uid: uidOf('range', node.name, name),
        title: `${node.name} ${name} is outside its range`,
        ask: graphite.fields(node.name, [name]),
        reducer: 'last',
        evaluator,
        noDataState: 'OK',
        summary: `It should be ${low ?? '−∞'} to ${high ?? '∞'} ${unitsBehind(units ?? '')}`.trim(),
      }
    }),
  )
  const rules = [...silent, failed, ...outside].map((rule) => ruleOf(rule, graphite))
  return { apiVersion: 1, groups: [{ orgId: 1, name: 'ocs', folder: 'ocs', interval: '1m', rules }] }
}

/** Seconds in which at least the quickest of some fields has a sample. */
function lookOf(fields: Shown['fields'] = []): number {
  const [quickest] = fields.flatMap(({ rhythm }) => rhythm ?? []).sort((a, b) => a - b)
  return quickest === undefined ? LOOK_UNKNOWN : overdueAfter(quickest, LOOK)
}

interface Rule {
  /** Seconds of data; as many as a rule looks at by default. */
  readonly look?: number
  readonly uid: string
  readonly title: string
  readonly ask: readonly Json[]
  readonly reducer: string
  readonly evaluator: Json
  readonly noDataState: string
  readonly summary: string
}

/** A rule in three steps: the query, what each curve comes to, what that is compared with. */
function ruleOf(
  { look = LOOK, uid, title, ask, reducer, evaluator, noDataState, summary }: Rule,
  { source }: Dialect,
): Json {
  const [query] = ask
  const expression = (refId: string, model: Json) => ({
    refId,
    datasourceUid: '__expr__',
    model: { refId, datasource: { type: '__expr__', uid: '__expr__' }, ...model },
  })
  return {
    uid,
    title,
    condition: 'C',
    for: '1m',
    noDataState,
    execErrState: 'Error',
    annotations: { summary },
    labels: { source: 'ocs' },
    data: [
      {
        refId: 'A',
        relativeTimeRange: { from: look, to: 0 },
        datasourceUid: source.uid,
        model: { ...query, intervalMs: 1000, maxDataPoints: POINTS },
      },
      expression('B', { type: 'reduce', reducer, expression: 'A', settings: { mode: 'dropNN' } }),
      expression('C', { type: 'threshold', expression: 'B', conditions: [{ evaluator }] }),
    ],
  }
}
