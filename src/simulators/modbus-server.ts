import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { ServerTCP } from 'modbus-serial'
import { UsageError } from '../core/errors.ts'
import type { SimulatedInstrument } from '../instrument/table.ts'
import { portError } from '../machine/port-in-use.ts'
import { hostAndPort, TCP_REMEDY } from './line-server.ts'
import { contextOf, type Simulator, type SimulatorOptions } from './simulator.ts'
import { createTableDialect } from './table.ts'

/** Exceptions of the protocol: no such register; invalid value; device failure. */
const [NO_SUCH_ADDRESS, NO_SUCH_VALUE, DEVICE_FAILURE] = [2, 3, 4]

/** An exception in the form that the library expects. */
const exception = (code: number) => Object.assign(new Error(`exception ${code}`), { modbusErrorCode: code })

/**
 * Starts an instrument defined by a table, on Modbus-TCP. Readings such as `input 1 53` fill its registers,
 * of which a client may request any part. Of the faults, `garbage` is answered as a device failure, and those
 * about lines are ignored.
 * @throws UsageError for invalid options, ConfigError if the port cannot be listened on
 */
export async function startModbus(table: SimulatedInstrument, options: SimulatorOptions): Promise<Simulator> {
  const context = contextOf(options)
  const { faults } = context
  const dialect = createTableDialect(table, context)
  if (options.tcp === undefined) throw new UsageError('Modbus is served on TCP: give --tcp HOST:PORT')
  const [host, wanted] = hostAndPort(options.tcp)
  const { readings, registers = [] } = table
  const commands = [
    ...registers.flatMap(({ query }) => query ?? []),
    ...readings.map(({ command }) => command),
  ]
  const reads = [...new Set(commands)].map((command) => {
    const [kind = '', from, count] = command.split(' ')
    return { command, kind, from: Number(from), count: Number(count) }
  })

  /** Registers or bits of a kind, from the reading that contains them. */
  function part(kind: string, from: number, count: number): number[] {
    const read = reads.find(
      (one) => one.kind === kind && one.from <= from && from + count <= one.from + one.count,
    )
    if (!read) throw exception(NO_SUCH_ADDRESS)
    const words = (dialect(read.command)?.text ?? '').split(',').map(Number)
    return Array.from({ length: count }, (_, i) => words[from - read.from + i] ?? 0)
  }

  /** Sets a writable register: `write 10`. */
  function write(name: string, value: number): void {
    const register = registers.find((one) => one.name === name)
    if (!register) throw exception(NO_SUCH_ADDRESS)
    try {
      register.record.decode(String(value))
    } catch {
      throw exception(NO_SUCH_VALUE)
    }
    dialect(`${name} ${value}`)
  }

  /** Applies the active faults to an answer. */
  async function suffer<T>(answer: () => T): Promise<T> {
    if (options.latency) await sleep(options.latency)
    const fault = faults.hanging ? undefined : faults.next()
    if (fault?.kind === 'delay') await sleep(fault.ms)
    if (fault?.kind === 'garbage') throw exception(DEVICE_FAILURE)
    if (fault?.kind === 'disconnect') {
      await cut()
      void sleep(fault.ms).then(listen)
    }
    if (faults.hanging || fault?.kind === 'missing' || fault?.kind === 'disconnect')
      return await new Promise(() => {})
    return answer()
  }

  // The library accepts promises only for single registers.
  const several =
    (kind: string) =>
    (at: number, count: number, _unit: number, done: (error: Error | null, got: number[]) => void) =>
      void suffer(() => part(kind, at, count)).then(
        (words) => done(null, words),
        (error) => done(error, []),
      )
  const one = (kind: string) => (at: number) => suffer(() => part(kind, at, 1)[0] ?? 0)
  const bit = (kind: string) => (at: number) => suffer(() => part(kind, at, 1)[0] === 1)
  const vector = {
    getMultipleInputRegisters: several('input'),
    getMultipleHoldingRegisters: several('holding'),
    getInputRegister: one('input'),
    getHoldingRegister: one('holding'),
    getCoil: bit('coil'),
    getDiscreteInput: bit('discrete'),
    setRegister: (at: number, value: number) => suffer(() => write(`write ${at}`, value)),
    setCoil: (at: number, value: boolean) => suffer(() => write(`write-coil ${at}`, value ? 1 : 0)),
  }
  let server: ServerTCP | undefined
  // The library takes 502 if it is given 0.
  const port = wanted === 0 ? await freePort(host) : wanted
  let closed = false

  async function listen(): Promise<void> {
    if (server || closed) return
    const next = new ServerTCP(vector, { host, port, unitID: 255 })
    server = next
    next.on('socketError', () => {})
    next.on('error', () => {})
    await Promise.race([
      once(next, 'initialized'),
      once(next, 'serverError').then(async ([error]) => {
        server = undefined
        throw await portError(host, port, error, TCP_REMEDY)
      }),
    ])
  }

  async function cut(): Promise<void> {
    const old = server
    server = undefined
    for (const socket of old?.socks.keys() ?? []) socket.resetAndDestroy()
    if (old) await new Promise<void>((resolve) => old.close(() => resolve()))
  }

  await listen()
  return {
    get url() {
      return `modbus://${host.includes(':') ? `[${host}]` : host}:${port}/1`
    },
    faults,
    unplug: cut,
    plugIn: listen,
    async close() {
      closed = true
      await cut()
    },
  }
}

/** A port that nobody listens on now. */
async function freePort(host: string): Promise<number> {
  const probe = createServer().listen(0, host)
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}
