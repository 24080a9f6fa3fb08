import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makePlan } from './up-plan.ts'

test('a misspelt class of the recorder touches neither it nor the hub nor any agent', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ocs-plan-'))
  const file = join(folder, 'lab.yaml')
  const from = { file, hostName: 'localhost', siteHost: undefined, env: {} }
  const plan = (agentClass: string, before?: Awaited<ReturnType<typeof makePlan>>) => {
    const args = agentClass.startsWith('Aggregator') ? `, arguments: [--data-dir, ${folder}]` : ''
    const rec = `{instance-id: rec, agent-class: ${agentClass}${args}}`
    const fake = '{instance-id: fake, agent-class: FakeDataAgent}'
    const head = 'hub: {mqtt_server: "mqtt://127.0.0.1:1"}\nhosts:\n  localhost:\n    agent-instances:\n'
    writeFileSync(file, `${head}      - ${rec}\n      - ${fake}\n`)
    return makePlan(from, before)
  }
  const prints = ({ hub, bridge, instances }: Awaited<ReturnType<typeof makePlan>>) =>
    [hub, bridge, ...instances].map(({ name, rank, fingerprint }) => [name, rank, fingerprint])
  const before = await plan('AggregatorAgent')
  const spoilt = await plan('AggregatorAgnt', before)
  expect(spoilt.notes.join()).toContain('rec stays as it was')
  expect(prints(spoilt)).toEqual(prints(before))
  // An instance that is now another agent is no longer a recorder.
  const other = await plan('FakeDataAgent', spoilt)
  expect(prints(other)[0]).not.toEqual(prints(before)[0])
  rmSync(folder, { recursive: true })
})

test.each([
  ['command: [cat]', 'command: [cat, -u]'],
  ['command: [cat]', 'crossbar: "ws://127.0.0.1:8002/ws"'],
])('an instance of other %s begins anew with %s', async (one, other) => {
  const folder = mkdtempSync(join(tmpdir(), 'ocs-plan-'))
  const file = join(folder, 'lab.yaml')
  const print = async (program: string) => {
    const hub = 'hub: {mqtt_server: "mqtt://127.0.0.1:1"}'
    writeFileSync(file, `${hub}\nhosts: {localhost: {agent-instances: [{instance-id: p, ${program}}]}}\n`)
    const plan = await makePlan({ file, hostName: 'localhost', siteHost: undefined, env: {} })
    return plan.instances.map(({ fingerprint }) => fingerprint)
  }
  const [before, same, after] = [await print(one), await print(one), await print(other)]
  expect(same).toEqual(before)
  expect(after).toHaveLength(1)
  expect(after).not.toEqual(before)
  rmSync(folder, { recursive: true })
})

test.each([
  ['mqtt://127.0.0.1:1', undefined, ''],
  ['mqtts://grumpy.lab:8884', undefined, '--listen 0.0.0.0:8884'],
  ['mqtts://10.0.0.7', undefined, '--listen 10.0.0.7:8883'],
  ['mqtts://localhost', undefined, ''],
  ['mqtt://127.0.0.1:1', 'wss://grumpy.lab:8080/ws', '--listen-ws 0.0.0.0:8080'],
  ['mqtt://127.0.0.1:1', 'mqtt://localhost:2', '--listen 127.0.0.1:2'],
])('with its hub at %s, or at %p: ocs hub %s', async (url, siteHub, flags) => {
  const folder = mkdtempSync(join(tmpdir(), 'ocs-plan-'))
  const file = join(folder, 'lab.yaml')
  const fake = '{instance-id: fake, agent-class: FakeDataAgent}'
  writeFileSync(file, `hub: {mqtt_server: "${url}"}\nhosts: {localhost: {agent-instances: [${fake}]}}\n`)
  const { hub } = await makePlan({ file, hostName: 'localhost', siteHost: undefined, siteHub, env: {} })
  const at = hub.args.findIndex((word) => word.startsWith('--listen'))
  expect(at < 0 ? '' : hub.args.slice(at).join(' ')).toBe(flags)
  rmSync(folder, { recursive: true })
})
