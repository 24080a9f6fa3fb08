import { expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { temporary } from '../../test/temporary.ts'
import { commandLine } from './ctrl/ctrl.test-aid.ts'

test('a data node of the site file has the arguments that it has there; another takes its flags alone', async () => {
  const file = temporary('site.yaml')
  writeFileSync(
    file,
    `hub: { mqtt_server: 'mqtt://127.0.0.1:1' }
hosts:
  localhost:
    agent-instances:
      - { agent-class: ArchiveDataNode, instance-id: kept, arguments: [--data-dri, /srv/data] }
      - { agent-class: HostManagerAgent, instance-id: manager }
`,
  )
  const node = (id: string, ...more: string[]) =>
    commandLine([
      'datanode',
      'archive',
      `--instance-id=${id}`,
      `--site-file=${file}`,
      '--site-host=localhost',
      ...more,
    ])
  const kept = node('kept')
  expect(await kept.code).not.toBe(0)
  expect(kept.err()).toContain('--data-dir')
  const manager = node('manager')
  expect(await manager.code).not.toBe(0)
  expect(manager.err()).toContain('is a HostManagerAgent, not a ArchiveDataNode')
  const other = node('other', '--data-dir', '/nowhere', '--nmae', 'x')
  expect(await other.code).not.toBe(0)
  expect(other.err()).toContain('--name')
})
