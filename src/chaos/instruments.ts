import { connect } from 'node:net'
import { join } from 'node:path'
import { startLakeshore240 } from '../simulators/lakeshore240.ts'
import { startLakeshore372 } from '../simulators/lakeshore372.ts'
import type { Simulator } from '../simulators/simulator.ts'
import { type Places, sentLog } from './places.ts'
import { utc } from './unix-seconds.ts'

/** A simulated instrument whose readings are 1, 2, 3, …, and the agent that reads it. */
export interface Instrument extends AsyncDisposable {
  /** Instance-id of its agent. */
  readonly agent: string
  readonly agentClass: string
  /** Arguments of its agent in the site file. */
  readonly args: readonly string[]
  readonly simulator: Simulator
  readonly reads: Reads
}
/** How an agent reads its instrument: what a fault of either may cost depends on it. */
export interface Reads {
  /** Seconds from one poll to the next, readings in a poll at most. */
  readonly period: number
  readonly perPoll: number
  /** Seconds after a connection in which readings are taken but left out, as those of an instrument that settles. */
  readonly settle: number
}

const HZ = 4
/** One of six channels of the simulated 240 has a temperature besides the sensor's reading. */
const MODULE: Reads = { period: 1 / HZ, perPoll: 7, settle: 0 }
/** Ten times a second T and R of one channel; after a connection the scanner counts as just switched. */
const BRIDGE: Reads = { period: 0.1, perPoll: 2, settle: 3 }

/** Two 240s on pseudo-terminals, one on TCP and a 372 on TCP, each with its log. */
export async function openInstruments(places: Places, seed: number): Promise<Instrument[]> {
  const opened: Instrument[] = []
  const common = (agent: string) => ({
    serialNumber: `CHAOS-${agent}`,
    seed: seed + opened.length,
    // Held at one temperature, inside of all curves: no reading is invalid.
    speed: 0,
    counter: true,
    truth: sentLog(places, agent),
    // The clock that agents go by.
    now: utc,
  })
  const add = (agent: string, agentClass: string, simulator: Simulator, args: string[], reads: Reads) => {
    opened.push({
      agent,
      agentClass,
      args,
      simulator,
      reads,
      [Symbol.asyncDispose]: () => simulator.close(),
    })
  }
  const rate = ['--sampling-frequency', String(HZ)]
  for (const agent of ['pty-1', 'pty-2']) {
    const pty = join(places.sent, `${agent}.tty`)
    const simulator = await startLakeshore240({ ...common(agent), pty })
    add(agent, 'Lakeshore240Agent', simulator, ['--port', pty, ...rate], MODULE)
  }
  const module = await startLakeshore240({ ...common('tcp-1'), tcp: '127.0.0.1:0' })
  add('tcp-1', 'Lakeshore240Agent', module, ['--port', module.url, ...rate], MODULE)
  const bridge = await startLakeshore372({ ...common('tcp-2'), tcp: '127.0.0.1:0' })
  const { hostname, port } = new URL(bridge.url)
  await holdScanner(hostname, Number(port))
  add('tcp-2', 'Lakeshore372Agent', bridge, ['--ip-address', `${hostname}:${port}`], BRIDGE)
  return opened
}

/** Keeps the scanner of a 372 on its first channel: readings taken while another one settles are left out. */
function holdScanner(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port })
    socket.on('error', reject)
    socket.on('data', () => {
      socket.end()
      resolve()
    })
    socket.write('SCAN 1,0\r\nSCAN?\r\n')
  })
}
