import { lookup } from 'node:dns/promises'
import { messageOf } from '../core/errors.ts'
import type { Context } from '../terminal/context.ts'
import type { Finding } from './finding.ts'

/** Milliseconds that Grafana has to answer; it waits for the bridge itself. */
const PATIENCE = 10_000

/** Types of data sources that the bridge can serve, and the path that each appends to the bridge's URL. */
const TYPES: Readonly<Record<string, string>> = {
  graphite: '/graphite',
  'simpod-json-datasource': '',
  'grafana-simple-json-datasource': '',
}

/**
 * In this version the Graphite data source does not name the query in its answer, so alert rules that use it
 * get no data (grafana#118035).
 */
const DEAF = '12.4.0'

/** A data source in the list of Grafana's API. */
interface Source {
  readonly uid: string
  readonly name: string
  readonly type: string
  readonly url: string
}
interface Asked {
  readonly status: number
  readonly body: string
}

/**
 * Finds out why Grafana does not show the bridge's data, through Grafana's own HTTP API: its list of data
 * sources, and a request to each through its proxy, as "Save & test" does. Log in by the URL
 * (`http://admin:…@127.0.0.1:3000`), or by a service account's token in OCS_GRAFANA_TOKEN. (grafana.com/docs,
 * "Data source HTTP API")
 * @param bridge the address of the bridge, as seen from this machine
 */
export async function checkGrafana(
  grafana: string,
  bridge: string,
  { env }: Pick<Context, 'env'>,
): Promise<Finding[]> {
  const finding = (level: Finding['level'], text: string): Finding => ({ check: 'grafana', level, text })
  const { origin, pathname, username, password } = new URL(grafana)
  const base = origin + pathname.replace(/\/+$/, '')
  const token = env['OCS_GRAFANA_TOKEN']
  const headers: Record<string, string> = {}
  if (token) headers['authorization'] = `Bearer ${token}`
  else if (username) headers['authorization'] = `Basic ${btoa(decodeURIComponent(`${username}:${password}`))}`
  const get = (path: string) => ask(base + path, headers)

  const local = await isBridge(bridge)
  const mine: Finding = local
    ? { check: 'bridge', level: 'ok', text: `answers at ${bridge}` }
    : {
        check: 'bridge',
        level: 'problem',
        text: `nothing answers at ${bridge}: start it (ocs bridge), or give its address with --bridge`,
      }
  const health = await get('/api/health')
  if (health instanceof Error)
    return [
      mine,
      finding('problem', `nothing answers at ${base}: is Grafana running? (${messageOf(health)})`),
    ]
  if (!health.body.includes('"version"'))
    return [mine, finding('problem', `what answers at ${base} is not Grafana (status ${health.status})`)]
  const list = await get('/api/datasources')
  if (list instanceof Error) return [mine, finding('problem', messageOf(list))]
  if (list.status !== 200) {
    const how =
      'log in as an administrator, http://admin:PASSWORD@HOST:3000, or with a token in OCS_GRAFANA_TOKEN'
    return [
      mine,
      finding('problem', `${base} does not list its data sources (status ${list.status}): ${how}`),
    ]
  }
  const sources = JSON.parse(list.body) as Source[]
  const ours = sources.filter(({ type }) => Object.hasOwn(TYPES, type))
  if (ours.length === 0) return [mine, finding('problem', wrongType(sources, bridge))]
  const found = await Promise.all(ours.map((source) => look(source, { get, bridge, local })))
  const deaf = ours.some(({ type }) => type === 'graphite') && versionOf(health.body) === DEAF
  const rules = `Grafana ${DEAF} does not evaluate alert rules over Graphite: use 12.4.1, where this is fixed`
  return [
    mine,
    ...found.map(({ level, text }) => finding(level, text)),
    ...(deaf ? [finding('problem', rules)] : []),
  ]
}

/** The version in the answer of Grafana's `/api/health`. */
function versionOf(health: string): string | undefined {
  return /"version":\s*"([^"]*)"/.exec(health)?.[1]
}

/**
 * The message when no data source has a type that the bridge can serve; names the likely candidate, if any.
 */
function wrongType(sources: readonly Source[], bridge: string): string {
  const port = new URL(bridge).port
  const near = sources.find(({ url, name }) => URL.parse(url)?.port === port || /ocs|sisock/i.test(name))
  const types = 'Graphite with the URL of the bridge and /graphite (or JSON or SimpleJson with the URL alone)'
  if (near) return `type: the data source "${near.name}" is of type ${near.type}: make it ${types}`
  return `no data source points to the bridge: add one of type ${types}, or generate them: ocs grafana provision --help`
}

interface Looking {
  readonly get: (path: string) => Promise<Asked | Error>
  readonly bridge: string
  readonly local: boolean
}

/** Checks one data source: first its URL, then what Grafana gets from there. */
async function look(
  { uid, name, type, url }: Source,
  how: Looking,
): Promise<{ level: Finding['level']; text: string }> {
  const problem = (text: string) => ({ level: 'problem' as const, text: `data source "${name}": ${text}` })
  const to = URL.parse(url)
  const end = TYPES[type] ?? ''
  const example = `http://${to?.host || 'sisock_grafana_http:5000'}${end}`
  if (!to || !/^https?:$/.test(to.protocol)) return problem(`URL: "${url}" is not a URL such as ${example}`)
  const path = to.pathname.replace(/\/+$/, '')
  if (path !== end && (path === '' || path === '/graphite'))
    return problem(`URL: a data source of type ${type} needs ${example}, not ${url}`)
  const got = await how.get(`/api/datasources/proxy/uid/${encodeURIComponent(uid)}/`)
  if (got instanceof Error) return problem(`Grafana does not answer for it: ${messageOf(got)}`)
  if (got.status === 200 && got.body.includes('"ocs bridge"')) {
    return { level: 'ok', text: `data source "${name}" (${type}) reaches the bridge at ${url}` }
  }
  if (got.status === 403 && got.body.includes('host name')) {
    return problem(
      `the bridge does not know the host name ${to.hostname}: start it with --host ${to.hostname}`,
    )
  }
  // Grafana's status for a server that it cannot reach.
  if (got.status === 502 || got.status === 504) return problem(await unreachable(to, got.body, how))
  return problem(
    `URL: what answers at ${url} is not the bridge (status ${got.status}): the URL is ${example}`,
  )
}

const LOOPBACK = /^(localhost|127\..*|\[?::1\]?)$/

/** Bad Gateway: finds out why Grafana does not reach a server. */
async function unreachable(to: URL, said: string, { bridge, local }: Looking): Promise<string> {
  const start = `Bad Gateway: Grafana cannot reach ${to.host}`
  if (LOOPBACK.test(to.hostname)) {
    if (!local) return `${start}: the bridge is not running: start it (ocs bridge)`
    if (to.port !== new URL(bridge).port)
      return `${start}: URL: the bridge is at ${bridge}, which has another port`
    const network =
      'put both on one network and use the bridge’s container name, http://sisock_grafana_http:5000'
    return `${start}, though the bridge runs here: in a container, ${to.hostname} is that container: ${network}`
  }
  const refused = /connection refused/i.test(said)
  const known = !/no such host/i.test(said) && (refused || (await resolves(to.hostname)))
  if (known && !local)
    return `${start}: the bridge is not running: start it (ocs bridge, or docker-compose up -d)`
  const join = 'docker network connect sisock-net sisock_grafana'
  if (known) {
    const listens =
      'does the bridge listen there (--listen 0.0.0.0:5000 --insecure), and does a firewall let it through?'
    return `${start}, though a bridge runs: ${listens} If Grafana is in a container: ${join}`
  }
  if (!local)
    return `${start}: the bridge is not running or has another name: start its container (docker-compose up -d sisock_grafana_http), or correct the URL`
  return `${start}, though a bridge runs: the name is unknown here: is the Grafana container on the bridge’s network? (${join}) Else the URL is wrong`
}

async function resolves(name: string): Promise<boolean> {
  return await lookup(name).then(
    () => true,
    () => false,
  )
}

async function isBridge(bridge: string): Promise<boolean> {
  const got = await ask(bridge, {})
  return !(got instanceof Error) && got.body.includes('"ocs bridge"')
}

async function ask(url: string, headers: Readonly<Record<string, string>>): Promise<Asked | Error> {
  try {
    const answer = await fetch(url, {
      headers: { accept: 'application/json', ...headers },
      signal: AbortSignal.timeout(PATIENCE),
    })
    return { status: answer.status, body: await answer.text() }
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}
