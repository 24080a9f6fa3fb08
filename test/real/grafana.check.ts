/**
 * The lab of deploy/compose.yaml, each container's command as a process here (Docker is not available where
 * this runs), and the dashboards that ocs writes for it: every query of every panel, as Grafana's data
 * sources send it, has data.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { FeedDeclaration } from '../../src/core/channels.ts'
import { Spool } from '../../src/runtime/spool/spool.ts'
import { figure, Lab, ROOT, type Running, since, until } from './roles.ts'

setDefaultTimeout(400_000)

const BRIDGE = 'https://sisock_grafana_http:5000'
/** Grafana's options for requests: the token in its secret, and the authority that it trusts. */
let grafana: RequestInit & { tls: { ca: string } }
const CHANNELS = 15

interface Service {
  readonly command: readonly string[]
  readonly image: string
  readonly container_name?: string
  readonly networks?: unknown
  readonly environment?: Readonly<Record<string, string>>
  readonly secrets?: readonly { readonly source: string; readonly target: string }[]
  readonly volumes?: readonly string[]
  readonly ports?: readonly (string | { readonly published: string | number })[]
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly networks: Readonly<Record<string, { readonly name?: string }>>
  readonly volumes: Readonly<Record<string, { readonly name?: string } | null>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
}

/** compose.yaml as docker-compose interprets it. @throws Error with its message */
function compose(): Compose {
  const { exitCode, stdout, stderr } = Bun.spawnSync([
    'docker-compose',
    '-f',
    join(ROOT, 'deploy', 'compose.yaml'),
    'config',
  ])
  if (exitCode !== 0) throw new Error(`docker-compose config: ${stderr}`)
  return parse(stdout.toString()) as Compose
}

test('compose.yaml: docker-compose takes it; names are those of the manual; a volume for every spool and the data', () => {
  const { services, networks, volumes } = compose()
  expect(networks['default']?.name).toBe('sisock-net')
  expect(volumes['grafana-storage']?.name).toBe('grafana-storage')
  expect(services['grafana']).toMatchObject({ container_name: 'sisock_grafana' })
  expect(services['sisock_grafana_http']).toMatchObject({ container_name: 'sisock_grafana_http' })
  const mounted = (service: string, path: string) =>
    services[service]?.volumes
      ?.map(String)
      .find((volume) => volume.split(':')[1] === path)
      ?.split(':')[0]
  const agents = Object.keys(services).filter((name) => services[name]?.command?.[0] === 'agent')
  const spools = [...agents, 'aggregator'].map((name) => mounted(name, '/var/lib/ocs'))
  expect(new Set(spools).size).toBe(agents.length + 1)
  for (const volume of [...spools, mounted('aggregator', '/data')])
    expect(Object.keys(volumes)).toContain(String(volume))
  expect(mounted('archive', '/data')).toBe(mounted('aggregator', '/data') as string)
})

/** An hour of a scanner that has visited all channels, in an agent's spool. */
async function spoolScans(file: string): Promise<void> {
  mkdirSync(join(file, '..'), { recursive: true })
  const spool = new Spool(file)
  const names = Array.from({ length: CHANNELS }, (_, i) => `Channel_${String(i + 1).padStart(2, '0')}`)
  const fields = (name: string) =>
    ({
      [`${name}_T`]: { type: 'double', units: 'K' },
      [`${name}_R`]: { type: 'double', units: 'Ω' },
      [`${name}_status`]: { type: 'int' },
    }) as const
  const declaration: FeedDeclaration = {
    agent_class: 'Lakeshore372Agent',
    record: true,
    frame_length: 600,
    blocks: Object.fromEntries(names.map((name) => [name, fields(name)])),
  }
  const start = Date.now() / 1000 - 600
  for (const [i, block] of [...names, ...names].entries()) {
    const data = { [`${block}_T`]: [0.1 + i / 100], [`${block}_R`]: [1000 + i], [`${block}_status`]: [0] }
    spool.append('temperatures', declaration, { epoch: 'before', block, t: [start + 10 * i], data })
  }
  await spool.flush()
  await spool.close()
}

/**
 * The services of compose.yaml as processes: names resolve to addresses of this machine, volumes are folders.
 */
class Containers {
  readonly #lab: Lab
  readonly #compose = compose()
  readonly #addresses: Map<string, string>

  constructor(lab: Lab) {
    this.#lab = lab
    const names = Object.keys(this.#compose.services)
    this.#addresses = new Map(names.map((name, i) => [name, `10.88.0.${i + 10}`]))
    // Not loopback: a connection from one of them shows its address, as in a network of containers.
    Bun.spawnSync(['ip', 'address', 'add', '10.88.0.1/24', 'dev', 'lo'])
    for (const address of this.#addresses.values())
      Bun.spawnSync(['ip', 'address', 'add', `${address}/32`, 'dev', 'lo'])
    const hosts = [...this.#addresses].map(([name, address]) => `${address} ${name}\n`)
    writeFileSync(lab.path('hosts'), `127.0.0.1 localhost\n${hosts.join('')}`)
    // The mounts are private to this check (.ci/alone).
    const { exitCode } = Bun.spawnSync(['mount', '--bind', lab.path('hosts'), '/etc/hosts'])
    if (exitCode !== 0) throw new Error('/etc/hosts cannot be replaced: run this by .ci/alone')
    mkdirSync(lab.path('etc'))
    const site = readFileSync(join(ROOT, 'deploy', 'site', 'default.yaml'), 'utf8')
    writeFileSync(lab.path('etc', 'default.yaml'), site.replaceAll('/data', lab.path('data')))
  }

  /** The state folder of a service. */
  state(service: string): string {
    return this.#lab.path('volumes', service)
  }

  /** Runs the service that makes the secrets. */
  async init(): Promise<void> {
    const script = join(ROOT, 'deploy', 'init.sh')
    const env = { ...this.#env('ocs_hub'), OCS: join(ROOT, 'bin', 'ocs') }
    const { code } = await this.#lab.program('ocs_init', ['sh', script], { env }).ended(60)
    expect(code).toBe(0)
  }

  /** The path of a secret for a service. */
  secret(service: string, target: string): string {
    const { source } = this.#compose.services[service]?.secrets?.find((one) => one.target === target) ?? {}
    const file = this.#compose.secrets[source ?? '']?.file ?? `no secret ${target} of ${service}`
    return file.replace(join(ROOT, 'deploy', 'secrets'), join(this.state('ocs_hub'), 'hub'))
  }

  #env(service: string) {
    const named = this.#compose.services[service]?.environment ?? {}
    const all = { ...named, OCS_STATE_DIR: this.state(service), OCS_CONFIG_DIR: this.#lab.path('etc') }
    return Object.fromEntries(Object.entries(all).map(([key, value]) => [key, this.#here(service, value)]))
  }

  #here(service: string, word: string): string {
    return word.replace(/\/run\/secrets\/([\w.]+)/, (_, target: string) => this.secret(service, target))
  }

  start(service: string, command = this.#compose.services[service]?.command ?? []): Running {
    const own = this.#addresses.get(service) ?? ''
    const here = command.map((word) =>
      (service === 'grafana_provision' ? word : this.#here(service, word))
        // Each container has its own port 7777.
        .replace('0.0.0.0:7777', `${own}:7777`)
        .replace('/var/lib/ocs', this.state(service))
        .replace('/provisioning', this.#lab.path('provisioning')),
    )
    return this.#lab.start(service, here, { env: this.#env(service) })
  }
}

const AGENTS = ['ls240', 'control', 'measurement']
const NODES = ['ls240_monitor', 'ls372_control', 'ls372_measurement', 'archive', 'sensors_server']
const DIALECTS = ['graphite', 'simpod', 'simplejson'] as const

interface Target {
  readonly target: string
  readonly refId: string
  readonly type?: string
}
interface Panel {
  readonly id: number
  readonly title: string
  readonly targets?: readonly Target[]
}

test('the lab of compose.yaml runs, and every query of the dashboards written for it has data', async () => {
  await using lab = new Lab()
  const containers = new Containers(lab)
  for (const agent of ['control', 'measurement'])
    await spoolScans(join(containers.state(agent), 'observatory', `${agent}.sqlite`))
  await containers.init()
  // Repeated for a new instance: existing secrets stay.
  const made = readFileSync(containers.secret('ls240', 'ocs'), 'utf8')
  await containers.init()
  expect(readFileSync(containers.secret('ls240', 'ocs'), 'utf8')).toBe(made)
  const token = readFileSync(containers.secret('grafana', 'grafana.token'), 'utf8').trim()
  grafana = {
    headers: { authorization: `Basic ${Buffer.from(`grafana:${token}`).toString('base64')}` },
    tls: { ca: readFileSync(containers.secret('grafana', 'ca.pem'), 'utf8') },
  }
  // As at the very first start, when nothing runs yet.
  expect(await containers.start('grafana_provision').ended(60)).toMatchObject({ code: 0 })
  const begun = performance.now()
  await containers.start('ocs_hub').says('listening on wss://', 30)
  for (const sim of ['sim_ls240', 'sim_ls372_control', 'sim_ls372_measurement']) containers.start(sim)
  const agents = AGENTS.map((agent) => containers.start(agent))
  containers.start('aggregator')
  for (const node of NODES) containers.start(node)
  await containers.start('sisock_grafana_http').says('listening on https://', 30)
  const { tls } = grafana
  expect((await fetch(`${BRIDGE}/api/agents`, { tls })).status).toBe(401)
  await Promise.all(agents.map((agent) => agent.says('Channel_', 60)))
  const drawn = async (target: string) =>
    (await render([target])).some(({ datapoints }) => datapoints.length > 0)
  for (const target of ['LSA21OQ.Channel_1_T', 'LSA22HA.Channel_15_T', 'LSA22YG.Channel_15_T', 'sensors.*'])
    await until(`${target} is drawn`, 60, () => drawn(target))
  figure(
    `all of compose.yaml's commands: data of each is drawn ${since(begun).toFixed(1)} s after the hub was started`,
  )

  // From the site file alone, before anything ran: the curves are there all the same.
  expect(panelsOf(lab.path('provisioning'), 'ocs_scanner_measurement')).toHaveLength(CHANNELS + 2)
  const before = addresses(lab.path('provisioning'))
  for (const dialect of DIALECTS) {
    const out = lab.path(dialect)
    const command = [
      'grafana',
      'provision',
      '--site-host=docker',
      `--out=${out}`,
      `--bridge=${BRIDGE}`,
      `--dialect=${dialect}`,
    ]
    const made = containers.start('grafana_provision', command)
    expect(await made.ended(60)).toMatchObject({ code: 0 })
    const { asked, empty } = await askAll(out, dialect)
    expect(empty).toEqual([])
    figure(`${dialect}: all ${asked} queries of panels have data`)
  }
  // Running instances add to the content from the file, and move nothing.
  const after = new Set(addresses(lab.path('graphite')))
  expect(before.length).toBeGreaterThan(2 * CHANNELS)
  expect(before.filter((address) => !after.has(address))).toEqual([])

  const rules = JSON.parse(readFileSync(lab.path('graphite', 'alerting', 'ocs.yaml'), 'utf8')) as {
    groups: { rules: { title: string; data: { model: Target }[] }[] }[]
  }
  let scanned = 0
  for (const { title, data } of rules.groups.flatMap((group) => group.rules)) {
    const curves = await render([data[0]?.model.target ?? ''], '-5min')
    const has = curves.some(({ datapoints }) => datapoints.length > 0)
    // A scanner takes minutes to visit all of its channels.
    if (/^LSA22.* is outside its range$/.test(title)) scanned += has ? 1 : 0
    else expect([title, has]).toEqual([title, true])
    // An alert over several curves needs unique ones.
    const kinds = curves.map(({ tags }) => JSON.stringify(tags))
    expect(new Set(kinds).size).toBe(kinds.length)
  }
  expect(scanned).toBeGreaterThan(0)
})

function panelsOf(folder: string, uid: string): Panel[] {
  return (
    JSON.parse(readFileSync(join(folder, 'dashboards', 'ocs', `${uid}.json`), 'utf8')) as { panels: Panel[] }
  ).panels
}

function dashboards(folder: string): string[] {
  return readdirSync(join(folder, 'dashboards', 'ocs')).map((file) => file.replace('.json', ''))
}

/** The targets of links in the instruments' own dashboards. */
function addresses(folder: string): string[] {
  return dashboards(folder)
    .filter((uid) => uid !== 'ocs_lab')
    .flatMap((uid) => panelsOf(folder, uid).map(({ id }) => `${uid}/${id}`))
}

/** Requests all panels of all dashboards, one request per panel, as Grafana does. */
async function askAll(folder: string, dialect: (typeof DIALECTS)[number]) {
  const nodes = (await get('/graphite/metrics/find?query=*')) as { text: string }[]
  let asked = 0
  const empty: string[] = []
  for (const uid of dashboards(folder)) {
    for (const { title, targets = [] } of panelsOf(folder, uid)) {
      // The variable of the repeated panel takes each value in turn.
      const repeated = targets.some(({ target }) => target.includes('$agent'))
      for (const { text } of repeated ? nodes : [{ text: '' }]) {
        const own = targets.map((target) => ({ ...target, target: target.target.replace('$agent', text) }))
        if (own.length === 0) continue
        const full = dialect === 'graphite' ? await render(own.map(({ target }) => target)) : await query(own)
        asked += own.length
        if (!full.some(({ datapoints, rows }) => (datapoints ?? rows ?? []).length > 0))
          empty.push(`${uid} ${title}`)
      }
    }
  }
  return { asked, empty: empty.sort() }
}

interface Answer {
  readonly datapoints: readonly unknown[]
  readonly rows?: readonly unknown[]
  readonly tags?: unknown
}

/** `/render` as Grafana 12 sends it. */
async function render(targets: readonly string[], from = '-1h'): Promise<Answer[]> {
  const form = new URLSearchParams({ from, until: 'now', format: 'json', maxDataPoints: '900' })
  for (const target of targets) form.append('target', `aliasSub(${target}, "(^.*$)", "\\1 A")`)
  const answer = await fetch(`${BRIDGE}/graphite/render`, { ...grafana, method: 'POST', body: form })
  if (answer.status !== 200) throw new Error(`${targets}: ${answer.status} ${await answer.text()}`)
  expect(answer.headers.get('x-ocs-left-out')).toBeNull()
  return (await answer.json()) as Answer[]
}

/** `/query` as SimpleJson and simPod's plugin send it. */
async function query(targets: readonly Target[]): Promise<Answer[]> {
  const range = { from: new Date(Date.now() - 3_600_000).toISOString(), to: new Date().toISOString() }
  const answer = await fetch(`${BRIDGE}/query`, {
    ...grafana,
    method: 'POST',
    headers: { ...grafana.headers, 'content-type': 'application/json' },
    body: JSON.stringify({ range, intervalMs: 5000, maxDataPoints: 900, targets }),
  })
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`)
  return (await answer.json()) as Answer[]
}

async function get(path: string): Promise<unknown> {
  return await (await fetch(BRIDGE + path, grafana)).json()
}
