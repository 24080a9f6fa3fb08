import { existsSync, writeFileSync } from 'node:fs'
import type { Running } from '../../test/real/roles.ts'
import { type BenchLab, freePort } from '../lab.ts'
import { type Anchor, cached, printed } from './anchor.ts'

const CACHED = cached('influxdb', 'usr', 'bin', 'influxd')
const program = () => (existsSync(CACHED) ? CACHED : 'influxd')

/** InfluxDB 1, in which OCS keeps the data that Grafana shows; Debian's package, without its service. */
export const influxdb: Anchor = {
  name: 'InfluxDB',
  install: [
    ['sh', '-c', 'apt-get download influxdb && dpkg -x influxdb_*.deb influxdb && rm influxdb_*.deb'],
  ],
  get: 'apt-get install influxdb, or npm run bench -- --install where there is apt',
  version: () => /v?(\d\S*)/.exec(printed([program(), 'version']) ?? '')?.[1],
}

/** Starts InfluxDB on a folder, and waits until it answers. */
export async function startInflux(
  lab: BenchLab,
  dir: string,
): Promise<{ readonly url: string; readonly running: Running }> {
  const [port, own] = [await freePort(), await freePort()]
  const file = lab.path(`influxdb-${port}.conf`)
  const lines = [
    'reporting-disabled = true',
    `bind-address = "127.0.0.1:${own}"`,
    `[meta]\ndir = "${dir}/meta"`,
    `[data]\ndir = "${dir}/data"\nwal-dir = "${dir}/wal"\nquery-log-enabled = false`,
    '[monitor]\nstore-enabled = false',
    `[http]\nbind-address = "127.0.0.1:${port}"\nlog-enabled = false`,
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  const running = lab.program('influxd', [program(), '-config', file])
  await running.says('Listening on HTTP', 60)
  return { url: `http://127.0.0.1:${port}`, running }
}
