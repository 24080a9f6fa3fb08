import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROGRAM } from '../src/host/children.ts'

let folder = ''
const text = { out: '' }
beforeAll(async () => {
  folder = mkdtempSync('/tmp/ocs-test-')
  const site = `hub: {mqtt_server: 'mqtt://127.0.0.1:1', wamp_realm: test_realm, address_root: observatory}
hosts:
  localhost:
    agent-instances:
      - {agent-class: FakeDataAgent, instance-id: fake, arguments: [--mode, acq]}
      - {agent-class: UPSAgent, instance-id: ups, arguments: [--address, 'snmp://127.0.0.1:1?community=s3cret']}
`
  writeFileSync(join(folder, 'default.yaml'), site)
  const hubs = ['mqtt://maya:hunter2@127.0.0.1:1', 'mqtt://127.0.0.1:1']
  for (const [instance, hub] of ['fake', 'ups'].flatMap((each) => hubs.map((one) => [each, one] as const))) {
    const child = Bun.spawn(
      [...PROGRAM, 'agent', '--site-file', join(folder, 'default.yaml'), '--site-host', 'localhost']
        .concat('--instance-id', instance, '--site-hub', hub)
        .concat('--state-dir', join(folder, 'state')),
      { stderr: 'pipe', stdout: 'pipe', stdin: 'ignore' },
    )
    for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream() as never)) {
      text.out += chunk
      if (/waiting for the hub/.test(String(chunk))) break
    }
    child.kill('SIGTERM')
    await child.exited
    // The mode that an older ocs, or a copy, may have left, when the second one starts.
    if (instance === 'fake' && hub === hubs[1]) chmodSync(join(folder, 'state', 'observatory'), 0o755)
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

test('no log line shows a password of the hub’s address or a community', () => {
  expect(text.out).toContain('maya:***@')
  const logs = readdirSync(join(folder, 'state', 'logs')).map((name) =>
    readFileSync(join(folder, 'state', 'logs', name), 'utf8'),
  )
  for (const each of [text.out, ...logs]) expect(each).not.toMatch(/hunter2|s3cret/)
})

test('folders are for the account alone, files at most for its group to read', () => {
  const state = join(folder, 'state')
  const all = [state, ...readdirSync(state, { recursive: true }).map((path) => join(state, String(path)))]
  expect(all.length).toBeGreaterThan(4)
  const wide = all.filter((path) => {
    const about = statSync(path)
    return (about.mode & (about.isDirectory() ? 0o077 : 0o137)) !== 0
  })
  expect(wide).toEqual([])
  expect(text.out).toContain(`${join(state, 'observatory')} was open to other accounts`)
})
