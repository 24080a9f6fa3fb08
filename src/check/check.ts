import { resolve } from 'node:path'
import { UsageError } from '../core/errors.ts'
import { siteFile } from '../site/find.ts'
import type { Context } from '../terminal/context.ts'
import { checkCertificate } from './certificate.ts'
import { checkDeviceNames } from './device-names.ts'
import type { Check, CheckFlags, Finding } from './finding.ts'
import { checkFolders } from './folders.ts'
import { checkGrafana } from './grafana.ts'
import { checkHub } from './hub.ts'
import { checkInstruments } from './instruments.ts'
import { checkPrograms } from './programs.ts'
import { checkSite } from './site-file.ts'

/** The checks of a host, in order of output. A new check is a file of this folder and a line here. */
const checks: readonly Check[] = [
  checkCertificate,
  checkDeviceNames,
  checkFolders,
  checkPrograms,
  checkInstruments,
]

/**
 * All findings about a host; site file and hub come first, as the other checks depend on them.
 * @throws UsageError, ConfigError
 */
export async function check(flags: CheckFlags, context: Context): Promise<Finding[]> {
  const configDir = context.env['OCS_CONFIG_DIR']
  const grafana =
    flags.grafana === undefined ? [] : await grafanaFindings(flags.grafana, flags.bridgeUrl, context)
  const named = flags.siteFile ?? flags.site ?? configDir
  if (flags.grafana !== undefined && !named) return grafana
  const file = resolve(siteFile({ ...flags, configDir }))
  const { findings, site, host } = await checkSite(file, flags, context)
  if (!site || !host) return [...findings, ...grafana]
  const lab = await checkHub(site, host, flags, context.env)
  const found = [...findings, ...lab.findings]
  for (const one of checks) {
    found.push(...(await one({ site, host, flags, context, instances: lab.instances })))
  }
  return [...found, ...grafana]
}

function grafanaFindings(grafana: string, bridge: string, context: Context): Promise<Finding[]> {
  for (const [flag, url] of [
    ['--grafana', grafana],
    ['--bridge', bridge],
  ] as const) {
    if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
      throw new UsageError(
        `${flag} ${url} is not a URL such as http://127.0.0.1:${flag === '--grafana' ? 3000 : 5000}`,
      )
  }
  return checkGrafana(grafana, bridge, context)
}
