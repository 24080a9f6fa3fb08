import { ConfigError } from '../../core/errors.ts'
import { hostPort } from '../../core/host-port.ts'
import type { SnmpSettings } from './snmp.ts'
import type { SerialSettings } from './termios.ts'

/** A parsed instrument address. */
export type Address =
  | { readonly kind: 'tcp' | 'udp'; readonly host: string; readonly port: number }
  | { readonly kind: 'serial'; readonly path: string; readonly settings: SerialSettings }
  | { readonly kind: 'prologix'; readonly host: string; readonly port: number; readonly gpib: number }
  | { readonly kind: 'modbus'; readonly host: string; readonly port: number; readonly unit: number }
  | { readonly kind: 'snmp'; readonly host: string; readonly port: number; readonly settings: SnmpSettings }
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 'file'; readonly pattern: string }
  | { readonly kind: 'replay'; readonly path: string }

/**
 * An address from flags: `scheme://HOST:PORT` followed by `after`, or `host` itself if it is a whole address
 * already.
 */
export function addressFrom(scheme: string, host: string, port: number, after = ''): string {
  return /^[a-z]+:/.test(host) ? host : `${scheme}://${hostPort(host, port)}${after}`
}

/** The forms of addresses, with an example of each, for messages. */
const examples: Readonly<Record<string, readonly [form: string, example: string]>> = {
  tcp: ['tcp://HOST:PORT', 'tcp://10.0.0.4:7777'],
  serial: [
    'serial:PATH?baud=115200&bits=8&parity=none, or the path alone',
    'serial:/dev/ttyUSB0?baud=57600&bits=7&parity=odd',
  ],
  udp: ['udp://HOST:PORT', 'udp://10.0.0.4:8080'],
  prologix: ['prologix://HOST[:PORT]/ADDRESS, a GPIB address from 0 to 30', 'prologix://10.0.0.4/5'],
  http: ['http://[USER:PASSWORD@]HOST[:PORT][/PATH]', 'http://10.0.0.4/api'],
  modbus: ['modbus://HOST[:PORT][/UNIT], a unit from 0 to 255', 'modbus://10.0.0.4:502/1'],
  snmp: ['snmp://HOST[:PORT]?version=2&community=public', 'snmp://10.0.0.4:161?version=1&community=public'],
  file: ['file:PATTERN, an absolute path', 'file:/data/logs/{yy}-{mm}-{dd}/*.log'],
  replay: ['replay:FILE', 'replay:fixtures/dialogs/lakeshore240.yaml'],
}

/** Parses an instrument's address; `examples` lists the forms. @throws ConfigError for an invalid one */
export function parseAddress(url: string): Address {
  const [, scheme = url.startsWith('/') ? 'serial' : '', rest = url] = /^([a-z]+):(.*)$/.exec(url) ?? []
  const address = parse(scheme === 'https' ? 'http' : scheme, url, rest)
  if (address) return address
  const known = examples[scheme]
  if (known)
    throw new ConfigError(
      `${JSON.stringify(url)} is not an address of the form ${known[0]}: as in ${known[1]}`,
    )
  const all = Object.values(examples).map(([, example]) => example)
  throw new ConfigError(
    `${JSON.stringify(url)} is not an instrument's address: write one such as ${all.join(', ')}`,
  )
}

function parse(scheme: string, url: string, rest: string): Address | undefined {
  switch (scheme) {
    case 'replay':
      return rest === '' ? undefined : { kind: 'replay', path: rest }
    case 'file':
      return rest.startsWith('/') ? { kind: 'file', pattern: rest.replace(/^\/\/\//, '/') } : undefined
    case 'serial':
      return rest.startsWith('/') ? serialAddress(url, rest) : undefined
    case 'http':
      return URL.canParse(url) && new URL(url).host !== '' ? { kind: 'http', url } : undefined
    case 'tcp':
    case 'udp': {
      const { host, port, path } = hostOf(rest)
      return host && port && path === '' ? { kind: scheme, host, port } : undefined
    }
    case 'prologix': {
      const { host, port = 1234, path = '' } = hostOf(rest)
      return host && /^\d+$/.test(path) && Number(path) <= 30
        ? { kind: 'prologix', host, port, gpib: Number(path) }
        : undefined
    }
    case 'modbus': {
      const { host, port = 502, path = '' } = hostOf(rest)
      return host && /^\d*$/.test(path) && Number(path) <= 255
        ? { kind: 'modbus', host, port, unit: Number(path || 1) }
        : undefined
    }
    case 'snmp': {
      const [place = '', query = ''] = rest.split('?', 2)
      const { host, port = 161, path } = hostOf(place)
      return host && path === ''
        ? { kind: 'snmp', host, port, settings: snmpSettings(url, query) }
        : undefined
    }
    default:
      return undefined
  }
}

/** `//HOST[:PORT][/PATH]`: empty if it has another form. */
function hostOf(rest: string): { host?: string; port?: number; path?: string } {
  const match = /^\/\/(\[[^\]]+\]|[^:/[\]?]+)(?::(\d+))?(?:\/(.*))?$/.exec(rest)
  if (!match) return {}
  const [, host = '', port, path = ''] = match
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65535)) return {}
  return { host: host.replace(/^\[|\]$/g, ''), ...(port && { port: Number(port) }), path }
}

function serialAddress(url: string, rest: string): Address {
  const [path = '', query = ''] = rest.split('?', 2)
  const settings: { baud?: number; bits?: 7 | 8; parity?: 'none' | 'even' | 'odd'; hupcl?: boolean } = {}
  for (const [key, value] of new URLSearchParams(query)) {
    if (key === 'baud' && /^\d+$/.test(value)) settings.baud = Number(value)
    else if (key === 'bits' && (value === '7' || value === '8')) settings.bits = value === '7' ? 7 : 8
    else if (key === 'parity' && (value === 'none' || value === 'even' || value === 'odd'))
      settings.parity = value
    else if (key === 'hupcl' && (value === 'true' || value === 'false')) settings.hupcl = value === 'true'
    else
      throw new ConfigError(
        `${url}: cannot use ${key}=${value}: there are baud=9600…230400, bits=7|8, parity=none|even|odd, hupcl=true|false`,
      )
  }
  return { kind: 'serial', path, settings }
}

function snmpSettings(url: string, query: string): SnmpSettings {
  const settings = { version: 2 as 1 | 2 | 3, community: 'public', user: 'ocs' }
  for (const [key, value] of new URLSearchParams(query)) {
    if (key === 'version' && /^[123]$/.test(value)) settings.version = Number(value) as 1 | 2 | 3
    else if (key === 'community' && value !== '') settings.community = value
    else if (key === 'user' && value !== '') settings.user = value
    else
      throw new ConfigError(
        `${url}: cannot use ${key}=${value}: there are version=1|2|3, community=TEXT, user=NAME (of version 3)`,
      )
  }
  return settings
}
