import { isUtf8 } from 'node:buffer'
import { isIPv6 } from 'node:net'
import snmp from 'net-snmp'
import { ConfigError, messageOf, OpError, TransportError } from '../../core/errors.ts'
import { hostPort } from '../../core/host-port.ts'
import { closedHere, noReply, systemFailure } from './failures.ts'
import type { Requester } from './request-link.ts'

/** How to talk to an SNMP agent. */
export interface SnmpSettings {
  /** `1`, `2` (2c) or `3` (without authentication and privacy). */
  readonly version: 1 | 2 | 3
  /** For versions 1 and 2. */
  readonly community: string
  /** For version 3. */
  readonly user: string
}

const commandForm = /^get (\d+(?:\.\d+)+)$|^set (\d+(?:\.\d+)+) (integer|gauge|string) (.*)$/s
const types = {
  integer: snmp.ObjectType.Integer,
  gauge: snmp.ObjectType.Gauge,
  string: snmp.ObjectType.OctetString,
}

/**
 * An instrument with SNMP. Commands are `get OID`, answered with the value as text, and `set OID
 * integer|gauge|string VALUE`, answered with the new value; one object per command, so that a missing object
 * (an OpError) affects no other. A request is sent twice, half of the time-out apart, because datagrams get
 * lost.
 */
export function openSnmp(host: string, port: number, settings: SnmpSettings): Requester {
  const name = hostPort(host, port)
  const { version, community, user } = settings
  const options = {
    port,
    retries: 1,
    transport: isIPv6(host) ? ('udp6' as const) : ('udp4' as const),
  }
  const session =
    version === 3
      ? snmp.createV3Session(host, { name: user, level: snmp.SecurityLevel.noAuthNoPriv }, options)
      : snmp.createSession(host, community, {
          ...options,
          version: version === 1 ? snmp.Version1 : snmp.Version2c,
        })
  // For a datagram that is not a message: the request keeps waiting. Without a listener the emitter would
  // throw.
  session.on('error', () => {})
  const ended = Promise.withResolvers<void>()
  session.on('close', () => ended.resolve())
  let closed = false
  return {
    name,
    request: (command, timeout) =>
      new Promise((resolve, reject) => {
        const [, get, set = '', type = '', value = ''] = commandForm.exec(command) ?? []
        if (closed) return reject(closedHere(name))
        Object.assign(session, { timeout: timeout / 2 })
        const answered = (error: Error | null, varbinds: readonly Varbind[] | undefined) => {
          const [varbind] = varbinds ?? []
          if (error) reject(failure(name, command, error, timeout))
          else if (!varbind) reject(new TransportError(`${name}: ${command}: an empty answer`))
          else if (snmp.isVarbindError(varbind as never))
            reject(new OpError(`${name}: ${command}: ${snmp.varbindError(varbind as never)}`))
          else resolve(textOf(varbind.value))
        }
        if (get) session.get([get], answered as never)
        else if (type in types) {
          const typed = { oid: set, type: types[type as keyof typeof types] }
          session.set(
            [{ ...typed, value: type === 'string' ? value : Number(value) }] as never,
            answered as never,
          )
        } else
          reject(
            new ConfigError(
              `${JSON.stringify(command)} is not "get OID" or "set OID integer|gauge|string VALUE"`,
            ),
          )
      }),
    close: () => {
      if (!closed) session.close()
      closed = true
      return ended.promise
    },
  }
}

interface Varbind {
  readonly value?: unknown
}

function failure(name: string, command: string, error: Error, timeout: number): Error {
  if (error.name === 'RequestTimedOutError') {
    const { message } = noReply(name, command, timeout)
    return new TransportError(`${message}: is it on, and are address, community and SNMP version right?`, {
      cause: error,
    })
  }
  const status = (error as { status?: number }).status
  if (status !== undefined) return new OpError(`${name}: ${command}: ${messageOf(error)}`, { cause: error })
  return systemFailure(`${name}: ${command}`, error)
}

/** Numbers in decimal, octets as text; a 64-bit counter arrives as its bytes. */
function textOf(value: unknown): string {
  if (!Buffer.isBuffer(value)) return String(value)
  const text = value.toString('utf8')
  return isUtf8(value) && /^[\P{Cc}\t]*$/u.test(text) ? text : `0x${value.toString('hex')}`
}
