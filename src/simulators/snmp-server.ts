import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import snmp from 'net-snmp'
import { UsageError } from '../core/errors.ts'
import type { SimulatedInstrument } from '../instrument/table.ts'
import { portError } from '../machine/port-in-use.ts'
import { hostAndPort } from './line-server.ts'
import { contextOf, type Simulator, type SimulatorOptions } from './simulator.ts'
import { createTableDialect } from './table.ts'

/** A request for an object, as far as it is used here. */
interface MibRequest {
  readonly oid: string
  readonly instanceNode?: { value: unknown }
  done(error?: object): void
}

/**
 * Starts an instrument defined by a table, on SNMP: readings such as `get 1.3.6.1.2.1.33.1.2.3.0` are its
 * objects. Anyone may read, in versions 1 and 2 with the community `public`, in 3 as the user `ocs`. Of the
 * faults, those about lines are ignored; `garbage` is answered as a general error.
 * @throws UsageError for invalid options, ConfigError if the port is not available
 */
export async function startSnmp(table: SimulatedInstrument, options: SimulatorOptions): Promise<Simulator> {
  const context = contextOf(options)
  const { faults } = context
  const dialect = createTableDialect(table, context)
  if (options.udp === undefined) throw new UsageError('SNMP is served on UDP: give --udp HOST:PORT')
  const [host, wanted] = hostAndPort(options.udp)
  const port = await usablePort(host, wanted)
  const oids = [...new Set(table.readings.map(({ command }) => command.replace('get ', '')))]

  function shownAt(oid: string): string | number {
    const text = dialect(`get ${oid}`)?.text ?? ''
    return /^-?\d+$/.test(text) ? Number(text) : text
  }

  function handler(request: MibRequest): void {
    const { instanceNode: node } = request
    const fault = faults.hanging ? undefined : faults.next()
    if (faults.hanging || fault?.kind === 'missing') return
    const answer = () => {
      if (node) node.value = shownAt(request.oid)
      request.done(fault?.kind === 'garbage' ? { errorStatus: snmp.ErrorStatus.GeneralError } : undefined)
    }
    setTimeout(answer, (options.latency ?? 0) + (fault?.kind === 'delay' ? fault.ms : 0))
  }

  function open(): { close(): void } {
    const agent = snmp.createAgent({ port, address: host, disableAuthorization: false }, () => {})
    agent.getAuthorizer().addCommunity('public')
    agent.getAuthorizer().addUser({ name: 'ocs', level: snmp.SecurityLevel.noAuthNoPriv })
    const typeOf = (oid: string) =>
      typeof shownAt(oid) === 'number' ? snmp.ObjectType.Integer : snmp.ObjectType.OctetString
    for (const oid of oids.filter((one) => one.endsWith('.0'))) {
      const common = { name: oid, type: snmp.MibProviderType.Scalar, oid: oid.slice(0, -2), handler }
      agent.registerProvider({
        ...common,
        scalarType: typeOf(oid),
        maxAccess: snmp.MaxAccess['read-only'],
      } as never)
      agent.getMib().setScalarValue(oid, shownAt(oid) as never)
    }
    for (const [entry, rows] of entries(oids)) {
      const columns = [...new Set([...rows.values()].flatMap((row) => [...row.keys()]))].sort((a, b) => a - b)
      const index = { number: 1, name: `${entry} index`, type: snmp.ObjectType.Integer }
      const [first = new Map<number, string>()] = rows.values()
      agent.registerProvider({
        name: entry,
        type: snmp.MibProviderType.Table,
        oid: entry,
        maxAccess: snmp.MaxAccess['not-accessible'],
        tableColumns: [
          { ...index, maxAccess: snmp.MaxAccess['read-only'] },
          ...columns.map((number) => ({
            number,
            name: `${entry}.${number}`,
            type: typeOf(first.get(number) ?? ''),
            maxAccess: snmp.MaxAccess['read-only'],
          })),
        ],
        tableIndex: [{ columnName: index.name }],
        handler,
      } as never)
      for (const [row, cells] of rows)
        agent
          .getMib()
          .addTableRow(entry, [row, ...columns.map((one) => shownAt(cells.get(one) ?? ''))] as never)
    }
    return agent
  }

  let agent: { close(): void } | undefined = open()
  const cut = async () => {
    agent?.close()
    agent = undefined
  }
  return {
    url: `snmp://${host.includes(':') ? `[${host}]` : host}:${port}`,
    faults,
    unplug: cut,
    async plugIn() {
      agent ??= open()
    },
    close: cut,
  }
}

/** The cells of tables, `ENTRY.COLUMN.ROW`, by entry, row and column. */
function entries(oids: readonly string[]): Map<string, Map<number, Map<number, string>>> {
  const found = new Map<string, Map<number, Map<number, string>>>()
  for (const oid of oids.filter((one) => !one.endsWith('.0'))) {
    const [, entry = '', column, row] = /^(.*)\.(\d+)\.(\d+)$/.exec(oid) ?? []
    const rows = found.get(entry) ?? new Map<number, Map<number, string>>()
    const cells = rows.get(Number(row)) ?? new Map<number, string>()
    found.set(entry, rows.set(Number(row), cells.set(Number(column), oid)))
  }
  return found
}

/** The port itself if it is available, any free one for 0: the library reports neither. */
async function usablePort(host: string, port: number): Promise<number> {
  const probe = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  try {
    probe.bind(port, host)
    await once(probe, 'listening')
    return probe.address().port
  } catch (error) {
    throw await portError(host, port, error, 'stop it, or choose another with --udp HOST:PORT', 'udp')
  } finally {
    probe.close()
  }
}
