/** The demo lab in Python: OCS's roles, and socs' agents for the same three simulated instruments. */
import { createConnection } from 'node:net'
import { PYTHON } from './anchors/ocs-python.ts'
import type { BenchLab } from './lab.ts'
import { aggregator, type Instance, type RunningLab, startOcs } from './site.ts'
import { allPublish, type Counter, countOcs } from './values.ts'

/** The instruments of the demo, by their instance-ids. */
export const INSTRUMENTS: readonly string[] = ['ls240', 'control', 'measurement']
/** socs reaches a 372 at one port only; so each has an address of its own. */
export const [PORT_372, CONTROL, MEASUREMENT] = [7777, '127.0.0.2', '127.0.0.3'] as const

/** The same simulators as the demo's. */
const simulators = (pty: string): readonly string[][] => [
  ['lakeshore240', '--serial-number', 'LSA21OQ', '--pty', pty, '--seed', '1'],
  ['lakeshore372', '--serial-number', 'LSA22YG', '--tcp', `${CONTROL}:${PORT_372}`, '--seed', '2'],
  ['lakeshore372', '--serial-number', 'LSA22HA', '--tcp', `${MEASUREMENT}:${PORT_372}`, '--seed', '3'],
]

/** An agent of socs that reads as it does by itself. */
const ofSocs = (id: string, agentClass: string, ...args: string[]): Instance => ({
  id,
  agentClass,
  args: [...args, '--mode', 'acq'],
  folder: 'socs',
})

/**
 * What the demo runs besides its hub and its simulators: 3 instruments, a recorder, 6 data nodes, a bridge,
 * itself.
 */
const roles = (dir: string, pty: string): Instance[] => [
  ofSocs('ls240', 'Lakeshore240Agent', '--port', pty),
  ofSocs('control', 'Lakeshore372Agent', '--ip-address', CONTROL),
  ofSocs('measurement', 'Lakeshore372Agent', '--ip-address', MEASUREMENT),
  aggregator(dir),
  // sisock's nodes are gone from OCS: a minimal agent stands in for each of them, and for the bridge.
  ...Array.from({ length: 7 }, (_, i) => ({ id: `node-${i}`, agentClass: 'BarebonesAgent' })),
  { id: 'manager', agentClass: 'HostManager', args: ['--initial-state', 'down'] },
]

/** Starts it on simulators of its own, and waits until each of them is read. */
export async function startPythonDemo(
  lab: BenchLab,
): Promise<{ readonly running: RunningLab; readonly values: Counter }> {
  const pty = lab.path('ttyLS240')
  for (const args of simulators(pty)) {
    const sim = lab.launch(`sim-${args[2]}`, ['sim', ...args])
    await sim.says(' at ', 40)
  }
  await Promise.all([CONTROL, MEASUREMENT].map(nameChannels))
  const running = await startOcs(lab, roles(lab.path('data'), pty))
  const values = await countOcs(lab, PYTHON, running.url, INSTRUMENTS)
  await allPublish('OCS', values)
  return { running, values }
}

/**
 * Names the channels of a 372 as our agent's fields are named: socs calls a field as its channel, and OCS drops
 * every sample of a field that begins with a digit, as `50K plate` does.
 */
function nameChannels(host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host, port: PORT_372 })
    const channels = Array.from({ length: 16 }, (_, i) => i + 1)
    const names = channels.map((n) => `INNAME ${n},Channel ${String(n).padStart(2, '0')}\r\n`)
    socket.on('error', reject)
    // A reply to the last line tells that all were carried out.
    socket.once('data', () => {
      socket.destroy()
      resolve()
    })
    socket.write(`${names.join('')}INNAME? 16\r\n`)
  })
}
