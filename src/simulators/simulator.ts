import { setTimeout as sleep } from 'node:timers/promises'
import { UsageError } from '../core/errors.ts'
import { createFaults, type FaultState, type Faults, type ReplyFault } from './faults.ts'
import { type Client, type Link, servePty, serveTcp } from './line-server.ts'
import { openTruth, type Reading } from './truth.ts'

/** Options of a simulated instrument. */
export interface SimulatorOptions {
  serialNumber: string
  /** Serve on a pseudo-terminal, behind a symbolic link at this path; `true` without a link. */
  pty?: string | true
  /** Serve on TCP at `HOST:PORT`. Exactly one of `pty` and `tcp`. */
  tcp?: string
  /** Serve on UDP at `HOST:PORT`, for simulators that do so. */
  udp?: string
  /** Write files into this folder, for simulators that do so. */
  dir?: string
  /** Seed of temperatures, noise and faults (1). */
  seed?: number
  /** Speed factor of the cooldown (1: an hour from 300 K to base). */
  speed?: number
  /** Where in the cooldown to begin: a fraction, or a mixing chamber temperature such as `77K` (0.7). */
  startAt?: number | string
  /** File to which each sent reading is appended, as JSON lines. */
  truth?: string
  /** Readings are 1, 2, 3, … in place of physics. Beyond 999,999 they exceed the digits of the real formats. */
  counter?: boolean
  /** Duration of each reply, ms (0). */
  latency?: number
  /** The clock: UTC in s, never running back. */
  now?: () => number
}

/** A running simulator. */
export interface Simulator {
  /** `tcp://127.0.0.1:7777` or `serial:/dev/pts/3` (the link if there is one). */
  readonly url: string
  readonly faults: Faults
  /** Pulls the cable. */
  unplug(): Promise<void>
  /** Plugs it in again. */
  plugIn(): Promise<void>
  close(): Promise<void>
}

/** A reply without its line end, and the readings in it. */
export interface Reply {
  text: string
  readings: readonly Reading[]
}

/** An instrument without its connection: answers a line, or returns nothing. */
export type Dialect = (line: string) => Reply | undefined

/** What a dialect is made from: the options with their defaults. */
export interface DialectContext {
  serialNumber: string
  seed: number
  speed: number
  startAt: number | string
  now: () => number
  faults: FaultState
  /** The next counter value, if readings are to be counters. */
  count: (() => number) | undefined
}

/** The options with their defaults filled in. @throws UsageError for numbers out of range. */
export function contextOf(options: SimulatorOptions): DialectContext {
  const { serialNumber, seed = 1, speed = 1, startAt = 0.7, now = utc } = options
  if (!/^[^,;\s]{1,32}$/.test(serialNumber)) {
    throw new UsageError(
      `serial number "${serialNumber}": give 1 to 32 characters without comma, semicolon, blank`,
    )
  }
  if (!(Math.abs(speed) <= 1e6))
    throw new UsageError(`speed ${speed}: give a number from -1000000 to 1000000`)
  if (!Number.isSafeInteger(seed)) throw new UsageError(`seed ${seed}: give a whole number`)
  let counted = 0
  const count = options.counter ? () => ++counted : undefined
  return { serialNumber, seed, speed, startAt, now, faults: createFaults(seed), count }
}

/** UTC in s that does not step when the system clock is set. */
function utc(): number {
  return (performance.timeOrigin + performance.now()) / 1000
}

/**
 * Serves a dialect on a pty or a TCP port, with its faults and its truth log.
 * @throws UsageError unless exactly one of `pty` and `tcp` is given; ConfigError if it cannot be opened
 */
export async function serve(
  dialect: Dialect,
  context: DialectContext,
  options: SimulatorOptions,
  maxClients: number,
): Promise<Simulator> {
  const { pty, tcp, latency = 0 } = options
  if ((pty === undefined) === (tcp === undefined))
    throw new UsageError('give either --pty PATH or --tcp HOST:PORT')
  const { faults, now } = context
  const truth = openTruth(options.truth)
  const closing = new AbortController()
  const queues = new WeakMap<AbortSignal, Promise<void>>()

  function onLine(client: Client, line: string): void {
    const reply = dialect(line)
    if (!reply || faults.hanging) return
    // One at a time and in order: while one reply is delayed, those after it wait.
    const before = queues.get(client.gone) ?? Promise.resolve()
    const after = before.then(() => deliver(client, reply, faults.next())).catch(() => {})
    queues.set(client.gone, after)
  }

  async function deliver(client: Client, reply: Reply, fault: ReplyFault | undefined): Promise<void> {
    const pause = (ms: number) =>
      sleep(ms, undefined, { signal: AbortSignal.any([client.gone, closing.signal]) })
    if (latency > 0) await pause(latency)
    if (fault?.kind === 'delay') await pause(fault.ms)
    if (client.gone.aborted || closing.signal.aborted) return
    const bytes = Buffer.from(`${reply.text}\r\n`, 'latin1')
    // Taken before its first byte is sent: no reader can have the reply earlier.
    const at = now()
    switch (fault?.kind) {
      case 'missing':
        return
      case 'garbage':
        return client.send(Buffer.concat([faults.noiseBytes(), Buffer.from('\r\n')]))
      case 'half-line':
        return client.send(bytes.subarray(0, Math.ceil(reply.text.length / 2)))
      case 'reboot':
      case 'disconnect':
        if (fault.kind === 'reboot') faults.reboots++
        await link.cut()
        await sleep(fault.ms, undefined, { signal: closing.signal })
        return link.restore()
      case 'nul':
        return client.send(Buffer.concat([Buffer.alloc(3), bytes]))
      case 'split': {
        const middle = Math.floor(bytes.length / 2)
        client.send(bytes.subarray(0, middle))
        await pause(fault.ms)
        client.send(bytes.subarray(middle))
        break
      }
      case 'duplicate':
        client.send(Buffer.concat([bytes, bytes]))
        break
      case 'delay':
      case undefined:
        client.send(bytes)
    }
    // Only readings that a reader can receive whole count as sent.
    truth.record(at, reply.readings)
  }

  let link: Link
  try {
    link =
      tcp === undefined
        ? servePty(pty === true ? undefined : pty, onLine)
        : await serveTcp(tcp, maxClients, onLine)
  } catch (error) {
    truth.close()
    throw error
  }
  return {
    get url() {
      return link.url
    },
    faults,
    unplug: () => link.cut(),
    plugIn: () => link.restore(),
    async close() {
      if (closing.signal.aborted) return
      closing.abort()
      await link.close()
      truth.close()
    },
  }
}
