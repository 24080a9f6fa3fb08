import { expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, UsageError } from '../core/errors.ts'
import { findHost, findInstance, loadSite, openSite, recorders, siteFile } from './find.ts'
import { hubUrl } from './hub-url.ts'
import { type Host, parseSite } from './site.ts'

const site = parseSite(
  `hub: {mqtt_server: "mqtt://127.0.0.1:1883"}
hosts:
  grumpy:
    agent-instances:
      - {instance-id: control, agent-class: Lakeshore372Agent}
      - {instance-id: measurement, agent-class: Lakeshore372Agent}
      - {instance-id: ls240, agent-class: Lakeshore240Agent}
  sleepy:
    agent-instances:
      - {instance-id: aggregator, agent-class: AgreggatorAgent}
      - {instance-id: plain}
`,
  'lab.yaml',
)
const grumpy = site.hosts.get('grumpy') as Host

function thrown(run: () => unknown): Error {
  try {
    run()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}

test('the site file: --site-file, else OCS_CONFIG_DIR with --site or default', () => {
  expect(siteFile({ siteFile: 'a.yaml', configDir: '/etc/ocs' })).toBe('a.yaml')
  expect(siteFile({ configDir: '/etc/ocs' })).toBe('/etc/ocs/default.yaml')
  expect(siteFile({ configDir: '/etc/ocs', site: 'yale' })).toBe('/etc/ocs/yale.yaml')
  const none = thrown(() => siteFile({}))
  expect(none).toBeInstanceOf(ConfigError)
  expect(none.message).toBe(
    'no site file: pass --site-file=FILE, or set OCS_CONFIG_DIR to the folder of default.yaml',
  )
  const both = thrown(() => siteFile({ site: 'yale', siteFile: 'a.yaml' }))
  expect(both).toBeInstanceOf(UsageError)
  expect(both.message).toBe('--site and --site-file both name the site file: pass one of them')
})

test('--site=none is a site without file, which needs --site-hub', async () => {
  const none = await openSite({ site: 'none' })
  const host = findHost(none, undefined)
  expect(hubUrl(none, host, 'mqtt://127.0.0.1:1883')).toBe('mqtt://127.0.0.1:1883')
  expect(() => hubUrl(none, host)).toThrow('--site=none: no hub: pass --site-hub=mqtt://127.0.0.1:1883')
})

test('a file that cannot be read is a ConfigError that says why', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ocs-site-'))
  try {
    Bun.spawnSync(['mkfifo', join(folder, 'pipe')])
    await Bun.write(join(folder, 'latin.yaml'), Buffer.from([0x68, 0x75, 0x62, 0xe9]))
    await Bun.write(join(folder, 'large.yaml'), '#'.repeat(200_000))
    const refusals = await Promise.all(
      ['gone.yaml', '', 'pipe', 'latin.yaml', 'large.yaml'].map((name) =>
        loadSite(join(folder, name)).then(
          () => 'read',
          (error: unknown) => (error instanceof ConfigError ? error.message : error),
        ),
      ),
    )
    expect(refusals).toEqual([
      `cannot read the site file ${folder}/gone.yaml: there is no such file or folder`,
      `cannot read the site file ${join(folder, '')}: it is not a file`,
      `cannot read the site file ${folder}/pipe: it is not a file`,
      `${folder}/latin.yaml: is not UTF-8 text`,
      `${folder}/large.yaml: larger than 128 KiB: is it a site file?`,
    ])
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('the host: by name, else localhost, else what to do', async () => {
  const yale = await loadSite('fixtures/sites/yale.yaml')
  expect(findHost(yale, 'grumpy').name).toBe('grumpy')
  expect(findHost(await loadSite('fixtures/sites/demo.yaml'), undefined, 'pc7').name).toBe('localhost')
  expect(thrown(() => findHost(yale, undefined, 'pc7')).message).toBe(
    'no host "pc7" or "localhost" in fixtures/sites/yale.yaml (has: grumpy): rename it or pass --site-host=grumpy',
  )
  expect(thrown(() => findHost(site, undefined, 'sleepyy')).message).toBe(
    'no host "sleepyy" or "localhost" in lab.yaml (has: grumpy, sleepy): rename one or pass --site-host=sleepy',
  )
  // A host named by a flag is never replaced by another.
  expect(thrown(() => findHost(site, 'sleepyy')).message).toBe(
    'no host "sleepyy" in lab.yaml (has: grumpy, sleepy): pass --site-host=sleepy',
  )
})

test('the instance by its id', () => {
  expect(findInstance(site, grumpy, { instanceId: 'ls240' }).agent_class).toBe('Lakeshore240Agent')
  const refusal = (instanceId: string) => thrown(() => findInstance(site, grumpy, { instanceId })).message
  expect(refusal('ls420')).toBe('no instance "ls420" on host "grumpy" in lab.yaml: did you mean "ls240"?')
  expect(refusal('agregator')).toBe(
    'no instance "agregator" on host "grumpy" in lab.yaml: did you mean "aggregator" (on host "sleepy")?',
  )
  expect(refusal('aggregator')).toBe(
    'no instance "aggregator" on host "grumpy" in lab.yaml: host "sleepy" has it: start it there or pass --site-host=sleepy',
  )
  expect(refusal('thermometer')).toBe(
    'no instance "thermometer" on host "grumpy" in lab.yaml: it has control, measurement, ls240',
  )
})

test('the instance by its id is of the class that is asked for', () => {
  const asked = (...classes: string[]) => findInstance(site, grumpy, { instanceId: 'ls240', classes })
  expect(asked('LS240_Agent', 'Lakeshore240Agent').instance_id).toBe('ls240')
  expect(() => asked('AggregatorAgent')).toThrow(
    'instance "ls240" on host "grumpy" in lab.yaml is a Lakeshore240Agent, not a AggregatorAgent',
  )
})

test('the instance by its class, when there is one', () => {
  expect(findInstance(site, grumpy, { classes: ['Lakeshore240Agent'] }).instance_id).toBe('ls240')
  const refusal = (...classes: string[]) => thrown(() => findInstance(site, grumpy, { classes })).message
  expect(refusal('Lakeshore372Agent')).toBe(
    '2 instances of Lakeshore372Agent on host "grumpy" in lab.yaml: pass --instance-id, one of control, measurement',
  )
  expect(refusal('AggregatorAgent', 'AgreggatorAgent')).toBe(
    'no instance of AggregatorAgent on host "grumpy" in lab.yaml: it has control, measurement, ls240',
  )
  expect(refusal()).toBe(
    'which instance on host "grumpy" in lab.yaml? Pass --instance-id, one of control, measurement, ls240',
  )
})

test('recorders of the whole site, whatever the spelling', () => {
  expect(recorders(site, (name) => ['AggregatorAgent', 'AgreggatorAgent'].includes(name))).toEqual([
    'aggregator',
  ])
})
