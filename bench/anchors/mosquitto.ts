import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { delimiter } from 'node:path'
import type { Hub } from '../bench.ts'
import { type BenchLab, freePort } from '../lab.ts'
import type { Anchor } from './anchor.ts'

/** Debian installs it where an ordinary account does not look. */
const PATH = [process.env['PATH'], '/usr/sbin', '/usr/local/sbin'].join(delimiter)

/** Mosquitto, as installed on the system. */
export const mosquitto: Anchor = {
  name: 'Mosquitto',
  install: [],
  get: 'apt-get install mosquitto',
  version: () => {
    // It prints its version with its help, and exits as if that were an error.
    const { stdout } = spawnSync('mosquitto', ['-h'], { encoding: 'utf8', env: { ...process.env, PATH } })
    return /mosquitto version (\S+)/.exec(stdout ?? '')?.[1]
  },
}

/** Starts Mosquitto with its defaults, but without Nagle's delay and with an unlimited queue. */
export async function startMosquitto(lab: BenchLab): Promise<Hub> {
  const port = await freePort()
  const file = lab.path(`mosquitto-${port}.conf`)
  const lines = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'set_tcp_nodelay true',
    'max_queued_messages 0',
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  const running = lab.program('mosquitto', ['mosquitto', '-c', file], { env: { PATH } })
  await running.says(/mosquitto version .* running/, 20)
  return { url: `mqtt://127.0.0.1:${port}`, running }
}
