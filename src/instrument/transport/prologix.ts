import { hostPort } from '../../core/host-port.ts'
import { pause } from '../../core/pause.ts'
import type { Transport } from './byte-stream.ts'
import { closedHere, stopped } from './failures.ts'
import { openTcp, type TcpOptions } from './tcp.ts'

/**
 * ms that a device on the bus may take to answer; the controller's own limit, so that it never waits longer.
 */
const READ_MS = 1500
/**
 * Settings sent to a controller on connecting: act as a controller, read only when told, and spare its
 * memory.
 */
const SETUP = [
  '++savecfg 0',
  '++mode 1',
  '++auto 0',
  '++eoi 1',
  '++eos 2',
  '++eot_enable 1',
  '++eot_char 10',
  `++read_tmo_ms ${READ_MS}`,
]

/**
 * The use of a controller, by its address, from the first device of this program that opens it to the last
 * that closes it.
 */
interface Shared {
  readonly opening: Promise<Bus>
  /** Aborts an opening that nobody waits for any more. */
  readonly stop: AbortController
  /** Number of devices that have it, or wait for it. */
  users: number
}
/** A controller's one connection, shared by all devices on its bus that this program talks to. */
interface Bus {
  readonly tcp: Transport
  /** The device that may speak, and receives the replies. */
  holder: Device | undefined
  /** Aborts when its holder releases the bus. */
  free: AbortController
  readonly devices: Set<Device>
  /** Why it is lost; undefined if it is not. */
  reason?: Error
}
interface Device {
  data?: (bytes: Uint8Array) => void
  lost?: (reason: Error) => void
}

const buses = new Map<string, Shared>()

/**
 * A line to a GPIB device behind a Prologix controller on Ethernet (or a compatible one). Several devices
 * share the controller's connection: one asks at a time, and its address is sent before each command, so that
 * another program on the same controller does no harm. A command with a question mark is followed by a read
 * until EOI.
 * @param address the device's GPIB address, 0 to 30
 * @throws TransportError if the controller cannot be reached
 */
export async function openPrologix(
  host: string,
  port: number,
  address: number,
  options: TcpOptions = {},
): Promise<Transport> {
  const key = hostPort(host, port)
  const name = `${key} GPIB ${address}`
  const shared = buses.get(key) ?? share(key, host, port, options)
  shared.users++
  const leave = async () => {
    if (--shared.users > 0) return
    if (buses.get(key) === shared) buses.delete(key)
    shared.stop.abort()
    await shared.opening.then(
      ({ tcp }) => tcp.close(),
      () => {},
    )
  }
  const bus = await unlessStopped(shared.opening, name, options.signal).catch(async (error) => {
    await leave()
    throw error
  })
  const device: Device = {}
  bus.devices.add(device)
  const gone = new AbortController()
  return {
    name,
    async write(bytes) {
      const command = Buffer.from(bytes).toString('latin1').trimEnd()
      if (command === '') return
      while (bus.holder && bus.holder !== device && !gone.signal.aborted)
        await pause(READ_MS, AbortSignal.any([bus.free.signal, gone.signal]))
      if (gone.signal.aborted) throw closedHere(name)
      const query = command.includes('?')
      if (query) hold(bus, device)
      const lines = [`++addr ${address}`, escaped(command), ...(query ? ['++read eoi'] : [])]
      await bus.tcp.write(Buffer.from(`${lines.join('\n')}\n`, 'latin1'))
    },
    onData: (listener) => {
      device.data = listener
    },
    onClose: (listener) => {
      device.lost = listener
      if (bus.reason) listener(bus.reason)
    },
    async close() {
      if (gone.signal.aborted) return
      gone.abort()
      bus.devices.delete(device)
      if (bus.holder === device) release(bus)
      await leave()
    },
  }
}

function share(key: string, host: string, port: number, options: TcpOptions): Shared {
  const stop = new AbortController()
  const forget = () => {
    if (buses.get(key) === shared) buses.delete(key)
  }
  const opening = openBus(host, port, { ...options, signal: stop.signal }, forget)
  const shared = { opening, stop, users: 0 }
  buses.set(key, shared)
  // A failed opening is not kept: the next user tries again.
  opening.catch(forget)
  return shared
}

/** The bus, unless the signal of this user aborts first. */
function unlessStopped(opening: Promise<Bus>, name: string, signal: AbortSignal | undefined): Promise<Bus> {
  return new Promise((resolve, reject) => {
    const stop = () => signal && reject(stopped(name, signal))
    signal?.addEventListener('abort', stop)
    if (signal?.aborted) stop()
    opening.then(resolve, reject).finally(() => signal?.removeEventListener('abort', stop))
  })
}

async function openBus(host: string, port: number, options: TcpOptions, ended: () => void): Promise<Bus> {
  const tcp = await openTcp(host, port, options)
  const bus: Bus = { tcp, holder: undefined, free: new AbortController(), devices: new Set() }
  tcp.onData((bytes) => {
    const { holder } = bus
    // The line is complete, so the next device may speak. Any remaining bytes would be an empty line, which
    // belongs to nobody.
    if (holder && bytes.includes(10)) release(bus)
    holder?.data?.(bytes)
  })
  tcp.onClose((reason) => {
    bus.reason = reason
    ended()
    release(bus)
    for (const device of bus.devices) device.lost?.(reason)
  })
  await tcp.write(Buffer.from(`${SETUP.join('\n')}\n`, 'latin1'))
  return bus
}

/** Gives a device the bus until its reply has arrived, or can no longer arrive. */
function hold(bus: Bus, device: Device): void {
  // Ends its own earlier wait, if it asks again: that must not end this one.
  bus.free.abort()
  bus.holder = device
  bus.free = new AbortController()
  const { signal } = bus.free
  void pause(READ_MS, signal).then(() => {
    if (!signal.aborted) release(bus)
  })
}

function release(bus: Bus): void {
  bus.holder = undefined
  bus.free.abort()
}

/** Puts ESC before characters that the controller would interpret itself. */
function escaped(command: string): string {
  return command.replaceAll('\x1b', '\x1b\x1b').replaceAll('+', '\x1b+')
}
