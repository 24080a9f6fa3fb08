import { accessSync, constants, existsSync, mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { connectMqtt, reached } from '../bus/mqtt.ts'
import { ConfigError, messageOf, TransportError } from '../core/errors.ts'
import { type Child, type Role, startChild, stopChildren } from '../host/children.ts'
import { viewLab } from '../lab/lab-view.ts'
import { lockFile } from '../machine/lock-file.ts'
import { portError } from '../machine/port-in-use.ts'
import type { Context } from '../terminal/context.ts'
import { BRIDGE_PORT, demoRoles, HUB_PORTS, SIM_PORTS } from './demo-roles.ts'
import { DemoScreen } from './demo-screen.ts'

const ROOT = 'observatory'
const HUB_URL = `mqtt://127.0.0.1:${HUB_PORTS.mqtt}`
/** Seconds that the demo's own hub has to answer. */
const HUB_SECONDS = 10

/**
 * Runs the demo lab in a folder until told to stop.
 * @throws ConfigError for a folder or a port that it cannot use
 */
export async function runDemo(context: Context, idle: boolean, dir: string): Promise<void> {
  const lock = await preflight(dir)
  const roles = demoRoles(dir, idle)
  const children: Child[] = []
  let byHand: readonly string[] = []
  const logs = join(dir, 'logs')
  const screen = new DemoScreen(context, { root: ROOT, idle, dir, children })
  const done: Child[] = []
  // Twenty readings a second belong in the recordings, not in logs.
  const start = (group: readonly Role[]) => {
    children.push(...group.map((role) => startChild(role, logs, { quiet: true })))
  }
  /** Runs the late roles and the example commands once all others run; the lab goes on if they fail. */
  const begin = async () => {
    start(roles.late)
    for (const role of roles.done) {
      if (context.signal.aborted) return
      const child = startChild(role, logs)
      done.push(child)
      await child.exited
    }
  }
  const stopAll = async () => {
    const of = (...names: string[]) =>
      children.filter(({ role }) => names.some((name) => role.name.startsWith(name)))
    const rest = children.filter((child) => !of('hub', 'sim', 'aggregator').includes(child))
    await stopChildren([[...rest, ...done], of('aggregator'), of('hub', 'sim')])
  }
  try {
    start(roles.hub)
    const hub = children[0]
    await using bus = connectMqtt({ url: HUB_URL, client: `demo-${process.pid}` })
    const died = hub?.exited.then(() =>
      Promise.reject(new ConfigError(`the hub did not start: see ${hub.log}`)),
    )
    await Promise.race([reached(bus, HUB_URL, HUB_SECONDS), died])
    start([...roles.simulators, ...roles.rest])
    await using lab = await viewLab(bus, ROOT)
    await screen.run(bus, lab, context.signal, () => void begin())
    byHand = screen.byHand(lab)
  } finally {
    context.err('stopping …\n')
    await stopAll()
    lock.close()
    if (byHand.length > 0) context.err(`still running, started by hand: ${byHand.join(', ')}\n`)
    context.err(`stopped; recordings are in ${join(dir, 'data')}\n`)
  }
}

/** Finds everything that would prevent the demo, before anything is started. */
async function preflight(dir: string): Promise<{ close(): void }> {
  try {
    mkdirSync(join(dir, 'data'), { recursive: true })
    for (const folder of [dir, join(dir, 'data')]) accessSync(folder, constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw new ConfigError(
      `${dir} cannot be written (${messageOf(cause)}): choose another folder with --dir`,
      { cause },
    )
  }
  const lock = lockFile(
    join(dir, 'demo.lock'),
    (by) => `a demo is already running in ${dir}, ${by}: stop it first (Ctrl-C in its terminal)`,
  )
  try {
    for (const port of [...Object.values(HUB_PORTS), BRIDGE_PORT, ...SIM_PORTS]) await mustBeFree(port)
    if (!existsSync('/dev/ptmx')) throw new TransportError('this machine has no pseudo-terminals (/dev/ptmx)')
  } catch (error) {
    lock.close()
    throw error
  }
  return lock
}

async function mustBeFree(port: number): Promise<void> {
  const server = createServer()
  try {
    await new Promise<void>((done, reject) => {
      server.once('error', reject)
      server.listen({ host: '127.0.0.1', port }, done)
    })
  } catch (error) {
    throw await portError('127.0.0.1', port, error, 'stop it first, the demo needs this port')
  } finally {
    server.close()
  }
}
