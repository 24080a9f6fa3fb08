import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Running, until } from '../test/real/roles.ts'
import { cached } from './anchors/anchor.ts'
import { crossbar, startCrossbar } from './anchors/crossbar.ts'
import { ocsPython } from './anchors/ocs-python.ts'
import type { Bencher, Hub } from './bench.ts'
import { startHub } from './hubs.ts'
import { type BenchLab, stopped } from './lab.ts'

/** An agent of a lab, as in a site file. */
export interface Instance {
  readonly id: string
  readonly agentClass: string
  readonly args?: readonly string[]
  /** Files of a custom agent: the product's module, and OCS's. */
  readonly module?: { readonly own: string; readonly ocs: string }
  /** The Python in which the product runs OCS's own agent of this class. */
  readonly python?: string
  /** The folder of the cache with the Python in which OCS runs it; `ocs` otherwise. */
  readonly folder?: string
}
/** A running lab: the product's, or the same in Python. */
export interface RunningLab {
  readonly hub: Running
  readonly roles: ReadonlyMap<string, Running>
  readonly siteFile: string
  /** The address of its hub, for clients. */
  readonly url: string
}

/** The anchors of a lab in Python. */
export const labAnchors = [crossbar, ocsPython]
/** Whether such a lab can be run here. */
export const hasLab = (bench: Bencher) => labAnchors.every((anchor) => bench.has(anchor))

const LOCAL = ['--site-host', 'localhost']
/** FakeDataAgent, which both have: eight channels, one report per second. */
export const fakeData = (id: string, hertz: number): Instance => ({
  id,
  agentClass: 'FakeDataAgent',
  args: ['--mode', 'acq', '--num-channels', '8', '--sample-rate', String(hertz), '--frame-length', '10'],
})
/** An agent whose messages have one row, for the product and for OCS. */
export const oneRow = (id: string, hertz: number, ...more: readonly string[]): Instance => ({
  id,
  agentClass: 'OneRowAgent',
  args: ['--hertz', String(hertz), ...more],
  module: {
    own: join(import.meta.dir, 'clients', 'one-row-agent.ts'),
    ocs: join(import.meta.dir, 'clients', 'one_row_agent.py'),
  },
})
/** The recorder, which both have. */
export const aggregator = (dir: string): Instance => ({
  id: 'aggregator',
  agentClass: 'AggregatorAgent',
  args: ['--data-dir', dir, '--initial-state', 'record'],
})

/**
 * Starts the product's hub and agents, and waits until all have joined. `released`: from a release, as users
 * do; `state`: where agents keep their spools.
 */
export async function startOwn(
  lab: BenchLab,
  instances: readonly Instance[],
  released = false,
  state?: string,
): Promise<RunningLab> {
  const { url, running } = await startHub(lab, released)
  const { roles, siteFile } = await startOn(lab, url, instances, { released, state })
  return { hub: running, roles, siteFile, url }
}

/** Where agents on a hub keep their spools. */
export function stateOf(lab: BenchLab, url: string): string {
  return lab.path(`state-${new URL(url).port}`)
}

interface HowStarted {
  readonly released?: boolean
  readonly state?: string | undefined
  readonly more?: readonly string[]
}

/** Starts the product's agents on a running hub, and waits until all have joined. */
export async function startOn(
  lab: BenchLab,
  url: string,
  instances: readonly Instance[],
  { released = false, state = stateOf(lab, url), more = [] }: HowStarted = {},
): Promise<Pick<RunningLab, 'roles' | 'siteFile'>> {
  const { port } = new URL(url)
  const siteFile = siteOf(lab, `own-${port}`, { mqtt_server: url }, instances)
  const roles = new Map<string, Running>()
  for (const { id, module } of instances) {
    const args = ['agent', '--instance-id', id, '--site-file', siteFile, ...LOCAL, ...more]
    const own = module ? ['--module', module.own] : []
    const all = [...args, ...own, '--state-dir', state, '--log-dir', lab.path('log')]
    const role = released ? lab.launch(id, all) : lab.start(id, all)
    roles.set(id, role)
  }
  for (const role of roles.values()) await role.says('session joined', 60)
  return { roles, siteFile }
}

/**
 * Starts the product's hub, and its agents with `ocs up` from a release; waits until all acquire. `hub`: both
 * of them.
 */
export async function startUp(
  lab: BenchLab,
  instances: readonly Instance[],
): Promise<RunningLab & { readonly up: Running }> {
  const { url, running } = await startHub(lab, true)
  const siteFile = siteOf(lab, `up-${new URL(url).port}`, { mqtt_server: url }, instances)
  const folders = ['--state-dir', stateOf(lab, url), '--log-dir', lab.path('log')]
  const up = lab.launch('up', ['up', '--no-hub', '--site-file', siteFile, ...LOCAL, ...folders])
  const acquires = 'acq: Status is now "running"'
  await until('all acquire', 120, () => up.text().split(acquires).length > instances.length)
  return { hub: running, up, roles: new Map([['up', up]]), siteFile, url }
}

/** Starts crossbar and OCS's agents, and waits until all have joined. */
export async function startOcs(lab: BenchLab, instances: readonly Instance[]): Promise<RunningLab> {
  const { url, call, running }: Hub & { readonly call: string } = await startCrossbar(lab)
  const name = `ocs-${new URL(url).port}`
  const siteFile = siteOf(lab, name, { wamp_server: url, wamp_http: call }, instances)
  const roles = new Map<string, Running>()
  for (const { id, module, folder } of instances) {
    const more = module ? ['--agent', module.ocs, '--entrypoint', 'main'] : []
    roles.set(id, lab.program(`py-${id}`, pythonAgent({ siteFile, id, folder }, ...more)))
  }
  for (const role of roles.values()) await role.says('session joined', 60)
  return { hub: running, roles, siteFile, url }
}

/** The command that starts an agent of OCS. */
export function pythonAgent(
  { siteFile, id, folder = 'ocs' }: { siteFile: string; id: string; folder?: string | undefined },
  ...more: string[]
): string[] {
  const cli = [cached(folder, 'bin', 'python'), '-u', cached(folder, 'bin', 'ocs-agent-cli')]
  return [...cli, '--instance-id', id, '--site-file', siteFile, ...LOCAL, ...more]
}

/** Stops a whole lab, as a user would; processes that have not ended after a minute are killed. */
export async function stopLab({ hub, roles }: RunningLab): Promise<void> {
  for (const role of [...roles.values(), hub]) {
    await stopped(role, 'SIGINT').catch(() => role.kill())
  }
}

/** Writes a site file; JSON is YAML too. */
function siteOf(
  lab: BenchLab,
  name: string,
  hub: Readonly<Record<string, string>>,
  instances: readonly Instance[],
): string {
  const file = lab.path(`${name}.yaml`)
  const list = instances.map(({ id, agentClass, args = [], python }) => ({
    'agent-class': agentClass,
    'instance-id': id,
    arguments: args,
    ...(python && { python }),
  }))
  const site = {
    hub: { ...hub, wamp_realm: 'test_realm', address_root: 'observatory' },
    hosts: { localhost: { 'agent-instances': list } },
  }
  writeFileSync(file, JSON.stringify(site, undefined, 1))
  return file
}

/** Waits until a lab has recorded something. */
export async function recorded(dir: string): Promise<void> {
  mkdirSync(dir, { recursive: true })
  await until('something is recorded', 60, () =>
    [...new Bun.Glob('**/*.g3').scanSync(dir)].some((name) => Bun.file(`${dir}/${name}`).size > 1000),
  )
}
