import { TransportError } from '../../core/errors.ts'
import { pause } from '../../core/pause.ts'
import type { Transport } from './byte-stream.ts'
import { openTcp, type TcpOptions } from './tcp.ts'

/** ms that a device on the bus may take to answer; the controller's own limit, so that it never waits longer. */
const READ_MS = 1500
/** What a controller is told on connecting: to be one, to ask only when told, and not to wear out its memory. */
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

/** A controller's one connection, shared by all devices of its bus that this program talks to. */
interface Bus {
  readonly tcp: Transport
  /** Who may speak, and gets what comes. */
  holder: Device | undefined
  /** Ends when the bus is given up by its holder. */
  free: AbortController
  readonly devices: Set<Device>
}
interface Device {
  data?: (bytes: Uint8Array) => void
  lost?: (reason: Error) => void
}

const buses = new Map<string, Promise<Bus>>()

/**
 * A line to a GPIB device behind a Prologix controller on Ethernet (or what speaks its commands). Several devices share the
 * controller's connection: one asks at a time, and its address goes before each command, so that another program on the same
 * controller does no harm. A command with a question mark is followed by a read until EOI.
 * @param address the device's GPIB address, 0 to 30
 * @throws TransportError if the controller cannot be reached
 */
export async function openPrologix(
  host: string,
  port: number,
  address: number,
  options: TcpOptions = {},
): Promise<Transport> {
  const key = `${host} ${port}`
  let opening = buses.get(key)
  if (!opening) {
    opening = openBus(host, port, options, () => buses.delete(key))
    buses.set(key, opening)
    // What failed is not kept: the next one tries anew.
    opening.catch(() => buses.delete(key))
  }
  const bus = await opening
  const device: Device = {}
  bus.devices.add(device)
  const gone = new AbortController()
  const name = `${bus.tcp.name} GPIB ${address}`
  return {
    name,
    async write(bytes) {
      const command = Buffer.from(bytes).toString('latin1').trimEnd()
      if (command === '') return
      while (bus.holder && bus.holder !== device && !gone.signal.aborted)
        await pause(READ_MS, AbortSignal.any([bus.free.signal, gone.signal]))
      if (gone.signal.aborted) throw new TransportError(`${name}: closed`)
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
    },
    async close() {
      if (gone.signal.aborted) return
      gone.abort()
      bus.devices.delete(device)
      if (bus.holder === device) release(bus)
      if (bus.devices.size > 0) return
      buses.delete(key)
      await bus.tcp.close()
    },
  }
}

async function openBus(host: string, port: number, options: TcpOptions, ended: () => void): Promise<Bus> {
  const tcp = await openTcp(host, port, options)
  const bus: Bus = { tcp, holder: undefined, free: new AbortController(), devices: new Set() }
  tcp.onData((bytes) => {
    const { holder } = bus
    // The line is complete: whoever waits may speak. A rest of it would be an empty line, which is nobody's.
    if (holder && bytes.includes(10)) release(bus)
    holder?.data?.(bytes)
  })
  tcp.onClose((reason) => {
    ended()
    release(bus)
    for (const device of bus.devices) device.lost?.(reason)
  })
  await tcp.write(Buffer.from(`${SETUP.join('\n')}\n`, 'latin1'))
  return bus
}

/** Gives a device the bus until its reply is there, or can no longer come. */
function hold(bus: Bus, device: Device): void {
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

/** Characters that the controller would take as its own have ESC before them. */
function escaped(command: string): string {
  return command.replaceAll('\x1b', '\x1b\x1b').replaceAll('+', '\x1b+')
}
