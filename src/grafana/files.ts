import type { Shown } from '../core/shown-node.ts'
import { alertsOf } from './alerts.ts'
import { dashboardsOf } from './dashboards.ts'
import { type DialectName, dialectOf, type Json } from './dialects.ts'

export interface Provisioned {
  /** What the dashboards ask. */
  readonly dialect: DialectName
  /** The bridge's URL as Grafana reaches it. */
  readonly bridge: string
  /** Where the folder of these files is for Grafana. */
  readonly mountedAt: string
  /** Where Grafana finds the token of the user `grafana`, and the authority of the bridge's certificate; none is written here. */
  readonly tokenFile?: string | undefined
  readonly caFile?: string | undefined
}

/**
 * The files of a folder for Grafana's provisioning, by their path in it: data sources, dashboards with what finds them,
 * alert rules. Those in YAML are written as JSON, which is YAML too.
 * (grafana.com/docs, "Provision Grafana")
 */
export function filesOf(
  lab: readonly Shown[],
  { dialect: name, bridge, mountedAt, tokenFile, caFile }: Provisioned,
): Map<string, string> {
  const [dialect, graphite] = [dialectOf(name, lab), dialectOf('graphite', lab)]
  const shown = (source: Json) => secured(source, tokenFile, caFile)
  const chosen = { ...shown(dialect.provisioned(bridge)), isDefault: true, editable: true }
  // Alert rules need this one whatever the dashboards ask.
  const other = { ...shown(graphite.provisioned(bridge)), isDefault: false, editable: true }
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

/** A data source with what it shows and whom it trusts, by the files that Grafana itself reads (`$__file{…}`). */
function secured(source: Json, tokenFile: string | undefined, caFile: string | undefined): Json {
  const jsonData = { ...(source['jsonData'] as object), ...(caFile && { tlsAuthWithCACert: true }) }
  const secureJsonData = {
    ...(tokenFile && { basicAuthPassword: `$__file{${tokenFile}}` }),
    ...(caFile && { tlsCACert: `$__file{${caFile}}` }),
  }
  if (Object.keys(secureJsonData).length === 0) return source
  const basic = tokenFile ? { basicAuth: true, basicAuthUser: 'grafana' } : {}
  return { ...source, ...basic, jsonData, secureJsonData }
}

function text(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
