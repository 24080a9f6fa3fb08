import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Hub } from '../bench.ts'
import { type BenchLab, freePort } from '../lab.ts'
import { type Anchor, cached, venv } from './anchor.ts'

const { install, versions } = venv('crossbar', ['crossbar==26.10.1'])

/**
 * OCS's router, in an environment of its own: the crossbar that ocs requires (22.6.1) does not start with
 * autobahn 26.
 */
export const crossbar: Anchor = { name: 'crossbar', install, version: () => versions('crossbar', 'autobahn') }

/** Starts crossbar with the configuration that ocs 0.12.1 makes, and waits until it listens. */
export async function startCrossbar(lab: BenchLab): Promise<Hub & { readonly call: string }> {
  const port = await freePort()
  const dir = lab.path(`crossbar-${port}`)
  mkdirSync(dir)
  writeFileSync(join(dir, 'config.json'), JSON.stringify(configuration(port)))
  const running = lab.program('crossbar', [cached('crossbar', 'bin', 'crossbar'), 'start', '--cbdir', dir])
  await running.says(/Ok, local node configuration ran successfully/, 60)
  return { url: `ws://127.0.0.1:${port}/ws`, call: `http://127.0.0.1:${port}/call`, running }
}

/**
 * The same as `ocs-local-support generate_crossbar_config`, but on loopback, with the longer ping that this
 * crossbar requires and a longer time-out for it.
 */
export function configuration(port: number): unknown {
  const role = (name: string, register: boolean) => ({
    name,
    permissions: [
      {
        uri: 'observatory.',
        match: 'prefix',
        allow: { call: true, register, publish: true, subscribe: true },
        disclose: { caller: false, publisher: false },
        cache: true,
      },
    ],
  })
  const options = {
    open_handshake_timeout: 2500,
    close_handshake_timeout: 1000,
    auto_ping_interval: 10_000,
    // OCS has 5 s; a flood of messages on a busy machine keeps either end from answering for longer.
    auto_ping_timeout: 60_000,
    auto_ping_size: 12,
  }
  const paths = {
    ws: {
      type: 'websocket',
      auth: { anonymous: { type: 'static', role: 'iocs_agent' } },
      options,
    },
    call: { type: 'caller', realm: 'test_realm', role: 'iocs_controller', options: {} },
  }
  const endpoint = { type: 'tcp', interface: '127.0.0.1', port }
  return {
    version: 2,
    workers: [
      {
        type: 'router',
        realms: [{ name: 'test_realm', roles: [role('iocs_agent', true), role('iocs_controller', false)] }],
        transports: [{ type: 'web', endpoint, paths }],
      },
    ],
  }
}
