import { resolve } from 'node:path'
import type { Agent } from '../core/agent.ts'
import { flattenArguments } from '../core/arguments/agent-arguments.ts'
import { didYouMean } from '../core/names.ts'
import { isManager } from '../host/up-plan.ts'
import type { Instance } from '../site/site.ts'

/** An instance of the site file whose arguments are in order. */
export interface Checked {
  readonly instance: Instance
  readonly agent: Agent
  readonly values: Readonly<Record<string, unknown>>
}

/** What two instances cannot both have: the key it is known by, and what the second is told. */
interface Claim {
  readonly key: string
  readonly flag: string
  readonly text: string
}

/** What instances of a lab may not share, and whom they name that is not there: a sentence with its place each. */
export function sharedFaults(
  checked: readonly Checked[],
  all: readonly Instance[],
  isBroken: boolean,
): string[] {
  const holders = new Map<string, Checked>()
  const faults: string[] = []
  for (const one of checked) {
    // Several that are alternatives of each other may be in a file, as long as one of them is to be up.
    if (one.instance.manage !== 'host/up') continue
    for (const { key, flag, text } of claims(one)) {
      const holder = holders.get(key)
      if (holder === undefined) holders.set(key, one)
      else faults.push(`${place(one, flag)}: ${text} is taken: ${named(holder)} has it already`)
    }
    const missing = missingTarget(one, all, isBroken)
    if (missing !== undefined) faults.push(`${place(one, '--target')}: ${missing}`)
  }
  return faults
}

function claims({ instance, agent, values }: Checked): Claim[] {
  const { host } = instance
  const text = (name: string) => (typeof values[name] === 'string' ? values[name] : undefined)
  const [serial, address, port, dataDir, name] = [
    text('serial_number'),
    text('ip_address'),
    text('port'),
    text('data_dir'),
    text('name'),
  ]
  const found: Claim[] = []
  const claim = (key: string, flag: string, what: string) => found.push({ key, flag, text: what })
  if (isManager({ agent_class: agent.spec.class }))
    claim(`manager of ${host}`, '', `the place of host manager of "${host}"`)
  if (serial !== undefined)
    claim(`serial ${serial.toUpperCase()}`, '--serial-number', `serial number ${serial}`)
  if (address !== undefined && !isReplay(address))
    claim(`address ${address.toLowerCase()}`, '--ip-address', `the instrument at ${address}`)
  if (port !== undefined && !isReplay(port))
    claim(`port ${host} ${resolve(port)}`, '--port', `the port ${port} of ${host}`)
  if (dataDir !== undefined && 'record' in agent.ops)
    claim(`data ${host} ${resolve(dataDir)}`, '--data-dir', `the data directory ${dataDir} of ${host}`)
  if (name !== undefined && agent.queries.has('get_data'))
    claim(`node ${name}`, '--name', `the name "${name}" of a data node`)
  return found
}

/** Why what a data node is to show is not there; undefined when it is. */
function missingTarget(
  { agent, values }: Checked,
  all: readonly Instance[],
  isBroken: boolean,
): string | undefined {
  const { target } = values
  if (typeof target !== 'string' || !agent.queries.has('get_data')) return undefined
  const ids = all.map(({ instance_id }) => instance_id)
  if (ids.includes(target)) return undefined
  const [near] = didYouMean(target, ids)
  // What is missing may be in a part that could not be read.
  if (near === undefined && isBroken) return undefined
  return `--target ${target}: there is no such instance: ${near ? `did you mean ${near}?` : `there are ${ids.join(', ')}`}`
}

function isReplay(address: string): boolean {
  return address.startsWith('replay:')
}

/** Where a flag stands, or its instance where it is left out. */
function place({ instance }: Checked, flag: string): string {
  const given = flattenArguments(instance.arguments).find((one) => one.flag === flag)
  return given?.position ?? instance.position
}

function named({ instance: { instance_id, position } }: Checked): string {
  return `"${instance_id}" (line ${position.split(':').at(-2)})`
}
