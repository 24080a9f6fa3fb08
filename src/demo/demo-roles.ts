import { join } from 'node:path'
import type { Role } from '../host/children.ts'
import { fileForOthers } from '../machine/own-files.ts'

export const HUB_PORTS = { mqtt: 1883, ws: 8001 } as const
export const BRIDGE_PORT = 5000
export const SIM_PORTS = [7771, 7772] as const

/** The site file of the demo lab. */
const DEMO_SITE = fileForOthers('fixtures/sites/demo.yaml')

/** The demo lab: each role is the command a user would type. */
interface DemoRoles {
  readonly hub: readonly Role[]
  readonly simulators: readonly Role[]
  readonly rest: readonly Role[]
  /** Roles started after the others, so that the others are ready sooner. */
  readonly late: readonly Role[]
  /** Commands that run to their end, one after the other, so that there is an example of each kind. */
  readonly done: readonly Role[]
}

/** The roles of the demo lab, in starting order. */
export function demoRoles(dir: string, idle: boolean): DemoRoles {
  const site = ['--site-file', DEMO_SITE, '--site-host', 'localhost']
  const state = ['--state-dir', join(dir, 'state'), '--log-dir', join(dir, 'logs', 'agents')]
  const agent = (instance: string, ...more: string[]): Role => ({
    name: instance,
    args: ['agent', '--instance-id', instance, ...site, ...state, ...more],
  })
  const mode = idle ? ['--mode', 'idle'] : []
  const [first, second] = SIM_PORTS
  const sim = (kind: string, serial: string, ...more: string[]): Role => ({
    name: `sim-${serial}`,
    args: ['sim', kind, '--serial-number', serial, ...more],
  })
  return {
    hub: [{ name: 'hub', args: ['hub', ...site] }],
    simulators: [
      sim('lakeshore240', 'LSA21OQ', '--pty', join(dir, 'ttyLS240'), '--seed', '1'),
      sim('lakeshore372', 'LSA22YG', '--tcp', `127.0.0.1:${first}`, '--seed', '2'),
      sim('lakeshore372', 'LSA22HA', '--tcp', `127.0.0.1:${second}`, '--seed', '3'),
    ],
    rest: [
      agent('ls240', '--port', join(dir, 'ttyLS240'), ...mode),
      agent('control', ...mode),
      agent('measurement', ...mode),
      agent('aggregator', '--data-dir', join(dir, 'data'), ...(idle ? ['--initial-state', 'idle'] : [])),
      ...['ls240-node', 'control-node', 'measurement-node', 'sensors', 'weather'].map((node) => agent(node)),
      agent('archive', '--data-dir', join(dir, 'data'), '--index-dir', join(dir, 'state')),
      { name: 'bridge', args: ['bridge', ...site] },
    ],
    late: [agent('alarms')],
    done: idle
      ? []
      : [
          { name: 'note', args: ['ctrl', 'note', ...site, 'the demo begins: the cryostat cools down'] },
          {
            name: 'operation',
            args: ['ctrl', 'start', 'control', 'set_still_output', '--output=30', ...site],
          },
        ],
  }
}
