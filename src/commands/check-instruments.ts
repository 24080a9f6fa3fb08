import { addressOf, portAddress } from '../agents/lakeshore.ts'
import { ConfigError, messageOf, TransportError } from '../core/errors.ts'
import { findSerial } from '../instrument/find.ts'
import { openLine } from '../instrument/open.ts'
import type { Host, Instance } from '../site/site.ts'
import { findAgent } from './agents.ts'
import type { Finding } from './check.ts'
import { checkArguments } from './check-arguments.ts'
import type { Context } from './context.ts'

/** Milliseconds that an instrument has to answer. */
const ANSWER_MS = 2000
const WHAT = 'instrument'

/** Asks each instrument of this host who it is; a serial port that an agent has open is its own, and told as such. */
export async function checkInstruments(host: Host, { env }: Pick<Context, 'env'>): Promise<Finding[]> {
  const wanted = host.instances.filter(({ agent_class, manage }) => agent_class && manage === 'host/up')
  const found = await Promise.all(wanted.map((instance) => ask(instance, env)))
  return found.flat()
}

async function ask(instance: Instance, env: Context['env']): Promise<Finding[]> {
  const { agent_class = '', instance_id, arguments: given } = instance
  if (!/^Lakeshore/.test(agent_class)) return []
  try {
    const { values } = checkArguments(await findAgent(agent_class), given, [], env)
    if (!values) return []
    const text = (name: string) => (typeof values[name] === 'string' ? values[name] : undefined)
    const [address, port, serial] = [text('ip_address'), text('port'), text('serial_number')]
    const url = address === undefined ? port && portAddress(port) : addressOf(address)
    const idn = await identity(url, serial)
    return [{ check: WHAT, level: 'ok', text: `${instance_id}: ${idn}` }]
  } catch (error) {
    if (!(error instanceof TransportError || error instanceof ConfigError)) throw error
    return [{ check: WHAT, level: 'problem', text: `${instance_id}: ${messageOf(error)}` }]
  }
}

async function identity(url: string | undefined, serial: string | undefined): Promise<string> {
  const signal = AbortSignal.timeout(4 * ANSWER_MS)
  if (serial !== undefined) {
    const { idn } = await findSerial(serial, { ...(url && { port: url }), timeout: ANSWER_MS, signal })
    return idn
  }
  if (!url) return 'no address to ask'
  const line = await openLine(url, { timeout: ANSWER_MS, connectTimeout: ANSWER_MS, signal })
  await line.close()
  return line.identity
}
