import ModbusRTU from 'modbus-serial'
import { ConfigError, messageOf, OpError, TransportError } from '../../core/errors.ts'
import { hostPort } from '../../core/host-port.ts'
import { noReply } from './failures.ts'
import { Loss } from './loss.ts'
import { ModbusFrames } from './modbus-frames.ts'
import type { Requester } from './request-link.ts'
import { connectTcp, onLoss, type TcpOptions } from './tcp.ts'

/** Exceptions of a gateway that has no route to the instrument, or no answer from it. */
const NO_ANSWER = new Set([10, 11])

const commandForm = /^(input|holding|coil|discrete) (\d+) (\d+)$|^(write|write-coil) (\d+) (\d+(?:,\d+)*)$/

/**
 * An instrument with Modbus-TCP. Commands are `input ADDRESS COUNT`, `holding …`, `coil …`, `discrete …`,
 * answered with that many numbers, separated by commas, and `write ADDRESS VALUE,…`, `write-coil ADDRESS 0`,
 * answered with nothing. Addresses count from 0, as on the wire. An exception that the instrument returns is
 * an OpError.
 * @throws TransportError if it cannot be reached
 */
export async function openModbus(
  host: string,
  port: number,
  unit: number,
  options: TcpOptions = {},
): Promise<Requester> {
  const name = `${hostPort(host, port)} unit ${unit}`
  const socket = await connectTcp(host, port, options)
  const client = new ModbusRTU()
  await client.connectTCP(host, { port, socket })
  client.setID(unit)
  const loss = new Loss(name)
  const end = () => client.destroy(() => {})
  // The link must learn the reason first: the end would give another one to the request in progress.
  const lose = (why: Error) => void (loss.tell(why) && end())
  onLoss(socket, name, lose)
  const frames = new ModbusFrames()
  const outOfStep = () =>
    lose(new TransportError(`${name}: what it sent is not a Modbus frame: is the address right?`))
  // Before the library's own listener: it would wait for the end of an invalid frame, and take the next
  // replies as part of it.
  socket.prependListener('data', (bytes: Uint8Array) => frames.push(bytes) || outOfStep())
  return {
    name,
    async request(command, timeout) {
      client.setTimeout(timeout)
      try {
        return await carryOut(client, command)
      } catch (error) {
        if (error instanceof ConfigError) throw error
        const { modbusCode } = error as { modbusCode?: number }
        const text = `${name}: ${command}: ${messageOf(error)}`
        if (modbusCode !== undefined && !NO_ANSWER.has(modbusCode)) throw new OpError(text, { cause: error })
        const late = (error as { errno?: unknown }).errno === 'ETIMEDOUT'
        if (!late) throw new TransportError(text, { cause: error })
        if (frames.partial) outOfStep()
        throw noReply(name, command, timeout, error)
      }
    },
    onClose: loss.onClose,
    close: async () => void (loss.close() && end()),
  }
}

async function carryOut(client: ModbusRTU, command: string): Promise<string> {
  const [, what, from, count, write, to, values = ''] = commandForm.exec(command) ?? []
  const [address, length] = [Number(from ?? to), Number(count)]
  const bits = ({ data }: { data: boolean[] }) => data.slice(0, length).map(Number).join(',')
  const words = ({ data }: { data: number[] }) => data.join(',')
  switch (what ?? write) {
    case 'input':
      return words(await client.readInputRegisters(address, length))
    case 'holding':
      return words(await client.readHoldingRegisters(address, length))
    case 'coil':
      return bits(await client.readCoils(address, length))
    case 'discrete':
      return bits(await client.readDiscreteInputs(address, length))
    case 'write': {
      const list = values.split(',').map(Number)
      if (list.length === 1) await client.writeRegister(address, list[0] ?? 0)
      else await client.writeRegisters(address, list)
      return ''
    }
    case 'write-coil':
      await client.writeCoil(address, values !== '0')
      return ''
    default:
      throw new ConfigError(
        `${JSON.stringify(command)} is not a Modbus command, such as "input 1 53" or "write 1 255"`,
      )
  }
}
