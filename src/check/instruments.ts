import { accessSync, constants } from 'node:fs'
import { addressOf, portAddress } from '../agents/lakeshore/lakeshore.ts'
import { ConfigError, messageOf, TransportError } from '../core/errors.ts'
import { findSerial } from '../instrument/find.ts'
import { openLine } from '../instrument/transport/open.ts'
import type { InstanceView } from '../lab/lab-view.ts'
import { lastMessage } from '../lab/session-text.ts'
import { findAgent } from '../launch/agents.ts'
import { checkInstanceArguments } from '../launch/check-arguments.ts'
import { answers } from '../machine/probe.ts'
import type { Instance } from '../site/site.ts'
import type { Context } from '../terminal/context.ts'
import type { Check, Finding } from './finding.ts'

/** Milliseconds that an instrument has to answer. */
const ANSWER_MS = 2000

/**
 * Asks each instrument of this host who it is. An instrument whose agent runs is left in peace, since many talk to one
 * program only: what its agent says counts.
 */
export const checkInstruments: Check = async ({ host, flags, instances, context: { env } }) => {
  if (!flags.instruments) return []
  const wanted = host.instances.filter(({ agent_class, manage }) => agent_class && manage === 'host/up')
  const found = await Promise.all(
    wanted.map((instance) => finding(instance, instances.get(instance.instance_id), env)),
  )
  return found.flat()
}

async function finding(
  instance: Instance,
  view: InstanceView | undefined,
  env: Context['env'],
): Promise<Finding[]> {
  const { agent_class = '', instance_id } = instance
  const told = (level: Finding['level'], text: string): Finding[] => [
    { check: 'instrument', level, text: `${instance_id}: ${text}` },
  ]
  try {
    const { values } = checkInstanceArguments(await findAgent(agent_class), instance, [], env)
    const where = values && addressIn(values)
    if (!values || !where) return []
    if (view?.state === 'online') {
      const failing = [...view.sessions.values()].find(
        ({ degraded, end_time }) => degraded && end_time === null,
      )
      if (failing) return told('problem', `${failing.op_name} is degraded: ${lastMessage(failing)}`)
      return told('ok', 'its agent runs')
    }
    return told('ok', await identity(agent_class, where))
  } catch (error) {
    // A class or arguments that cannot be have been told.
    if (error instanceof ConfigError) return []
    if (!(error instanceof TransportError)) throw error
    return told('problem', messageOf(error))
  }
}

/** What arguments say of where an instrument is. */
interface Where {
  readonly address: string | undefined
  readonly port: string | undefined
  readonly serial: string | undefined
}

function addressIn(values: Readonly<Record<string, unknown>>): Where | undefined {
  const text = (name: string) => (typeof values[name] === 'string' ? values[name] : undefined)
  const where = { address: text('ip_address'), port: text('port'), serial: text('serial_number') }
  return where.address || where.port || where.serial ? where : undefined
}

/** Who answers there. @throws TransportError when nobody does, or another one */
async function identity(agentClass: string, { address, port, serial }: Where): Promise<string> {
  const url = address === undefined ? port && portAddress(port) : addressOf(address)
  // Not every instrument knows *IDN?.
  if (!/^Lakeshore/.test(agentClass)) return reachable(url)
  const signal = AbortSignal.timeout(4 * ANSWER_MS)
  if (serial !== undefined) {
    const { idn } = await findSerial(serial, { ...(url && { port: url }), timeout: ANSWER_MS, signal })
    return idn
  }
  if (!url) return 'no address to ask'
  const line = await openLine(url, {
    identify: { command: '*IDN?', match: /,/ },
    timeout: ANSWER_MS,
    connectTimeout: ANSWER_MS,
    signal,
  })
  await line.close()
  return line.identity
}

async function reachable(url: string | undefined): Promise<string> {
  if (url?.startsWith('tcp://')) {
    if (await answers(url)) return `something answers at ${url}`
    throw new TransportError(`nothing answers at ${url}: is it on, and the cable in?`)
  }
  const path = /^serial:(.*)/.exec(url ?? '')?.[1] ?? (url?.startsWith('/') ? url : undefined)
  if (path === undefined) return 'no address to ask'
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
    return `${path} can be opened`
  } catch (cause) {
    throw new TransportError(`${path} cannot be opened: ${messageOf(cause)}`, { cause })
  }
}
