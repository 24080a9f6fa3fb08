import { expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { temporary } from '../../test/temporary.ts'
import { commandLine } from './ctrl/ctrl.test-aid.ts'

test('rights that are for whoever comes are told beside them; those of a named user are not', async () => {
  const printed = async (user: string) => {
    const file = temporary('site.yaml')
    writeFileSync(
      file,
      `hub: { mqtt_server: 'mqtts://b:8883'${user} }
hosts:
  localhost:
    agent-instances:
      - { agent-class: FakeDataAgent, instance-id: fake }
`,
    )
    const line = commandLine(['check', '--acl', 'mosquitto', `--site-file=${file}`])
    expect(await line.code).toBe(0)
    expect(line.out()).toContain('topic write observatory/fake/presence')
    return [line.err().includes('has no mqtt_user'), line.out().includes('user lab\n')]
  }
  expect(await printed('')).toEqual([true, false])
  expect(await printed(', mqtt_user: lab, mqtt_password_file: /run/lab')).toEqual([false, true])
})
