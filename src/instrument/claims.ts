import type { Claim } from '../core/agent.ts'
import { isLoopback } from '../core/host-port.ts'
import { parseAddress } from './transport/address.ts'

/**
 * The claim on the instrument at an address. Whatever serves any number of clients (SNMP, HTTP, files, a
 * recorded dialog) is not claimed; another port, slot or unit at the same address is another instrument.
 * @param args the arguments that gave the address
 * @throws ConfigError for an invalid address
 */
export function addressClaims(address: string, args: Readonly<Record<string, unknown>>): Claim[] {
  const at = parseAddress(address)
  const given = Object.entries(args).find(([, value]) => typeof value === 'string' && address.includes(value))
  const said = { ...(given && { argument: given[0] }) }
  const shown = String(given?.[1] ?? address)
  if (at.kind === 'serial')
    return [{ ...said, key: `port ${at.path}`, text: `the port ${shown}`, local: true }]
  if (at.kind !== 'tcp' && at.kind !== 'udp' && at.kind !== 'prologix' && at.kind !== 'modbus') return []
  const behind = at.kind === 'prologix' ? at.gpib : at.kind === 'modbus' ? at.unit : ''
  const key = `${at.kind}://${at.host.toLowerCase()}:${at.port}/${behind}`
  return [{ ...said, key, text: `the instrument at ${shown}`, local: isLoopback(at.host) }]
}

/** The claim on a serial number: an instrument has only one agent. */
export function serialClaims(argument: string, number: string | undefined): Claim[] {
  if (number === undefined) return []
  return [{ argument, key: `serial number ${number.toUpperCase()}`, text: `serial number ${number}` }]
}
