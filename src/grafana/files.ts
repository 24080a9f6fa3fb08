import type { Shown } from '../core/shown-node.ts'
import { alertsOf } from './alerts.ts'
import { dashboardsOf } from './dashboards.ts'
import { type DialectName, dialectOf } from './dialects.ts'

export interface Provisioned {
  /** What the dashboards ask. */
  readonly dialect: DialectName
  /** The bridge's URL as Grafana reaches it. */
  readonly bridge: string
  /** Where the folder of these files is for Grafana. */
  readonly mountedAt: string
}

/**
 * The files of a folder for Grafana's provisioning, by their path in it: data sources, dashboards with what finds them,
 * alert rules. Those in YAML are written as JSON, which is YAML too.
 * (grafana.com/docs, "Provision Grafana")
 */
export function filesOf(
  lab: readonly Shown[],
  { dialect: name, bridge, mountedAt }: Provisioned,
): Map<string, string> {
  const [dialect, graphite] = [dialectOf(name, lab), dialectOf('graphite', lab)]
  const chosen = { ...dialect.provisioned(bridge), isDefault: true, editable: true }
  // Alert rules need this one whatever the dashboards ask.
  const other = { ...graphite.provisioned(bridge), isDefault: false, editable: true }
  const providers = [
    {
      name: 'ocs',
      type: 'file',
      folder: 'ocs',
      updateIntervalSeconds: 10,
      allowUiUpdates: false,
      options: { path: `${mountedAt}/dashboards/ocs` },
    },
  ]
  return new Map([
    [
      'datasources/ocs.yaml',
      text({ apiVersion: 1, datasources: name === 'graphite' ? [chosen] : [chosen, other] }),
    ],
    ['dashboards/ocs.yaml', text({ apiVersion: 1, providers })],
    ...dashboardsOf(lab, dialect).map((made) => [`dashboards/ocs/${made.uid}.json`, text(made)] as const),
    ['alerting/ocs.yaml', text(alertsOf(lab, graphite))],
  ])
}

function text(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
