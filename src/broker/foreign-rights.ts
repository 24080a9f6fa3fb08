import { type Channel, topic } from '../core/topic.ts'
import { rules } from './rules.ts'

/** A user of a foreign broker: the instances that it may publish as. Every user may also operate and read. */
export interface ForeignUser {
  /** Undefined for clients without a name. */
  readonly name: string | undefined
  readonly instances: readonly string[]
  /** Whether one of its instances is the recorder. */
  readonly records: boolean
}

/** Topic filters derived from the table of rights of our own hub (`rules.ts`). */
export interface ForeignRights {
  readonly publish: readonly string[]
  readonly receive: readonly string[]
  /** Channels of which each client also receives the messages addressed to it: its id stands for `client`. */
  readonly own: readonly Channel[]
}

/**
 * What a user may publish and receive. A foreign broker knows users but does not tie client ids to them: the
 * caller's name in a topic is not proven there.
 */
export function foreignRights(root: string, { instances, records }: ForeignUser): ForeignRights {
  const publish: string[] = []
  const receive: string[] = []
  const own: Channel[] = []
  for (const { channel, role, own: whose, to } of rules) {
    const each = instances.map((instance) => topic(channel, { root, instance }))
    const all = topic(channel, { root })
    if (whose === 'instance') publish.push(...each)
    else if (role !== 'hub' && (role !== 'recorder' || records)) publish.push(all)
    if (to === undefined) receive.push(all)
    else if (to === 'instance') receive.push(...each)
    else if (to === 'client' && role !== 'hub') own.push(channel)
  }
  return { publish, receive, own }
}

/** The filter for messages to one client, with a word in place of its id. */
function ownFilter(channel: Channel, root: string, id: string): string {
  return topic(channel, { root })
    .split('/')
    .map((level, at) => (channel.pattern.split('/')[at] === '{client}' ? id : level))
    .join('/')
}

/** An ACL file of Mosquitto (mosquitto.conf(5), `acl_file`). */
export function mosquittoAcl(root: string, users: readonly ForeignUser[]): string {
  // Lines before the first user apply to clients without a name.
  const inOrder = [...users].sort((a, b) => Number(a.name !== undefined) - Number(b.name !== undefined))
  const blocks = inOrder.map((user) => {
    const { publish, receive } = foreignRights(root, user)
    const lines = [
      ...(user.name === undefined ? [] : [`user ${user.name}`]),
      ...publish.map((filter) => `topic write ${filter}`),
      ...receive.map((filter) => `topic read ${filter}`),
    ]
    return `${lines.join('\n')}\n`
  })
  const { own } = foreignRights(root, { name: undefined, instances: [], records: false })
  const answers = own.map((one) => `pattern read ${ownFilter(one, root, '%c')}\n`)
  return [...blocks, `# To each client, by its id.\n${answers.join('')}`].join('\n')
}

/** Accounts of a NATS server, for its configuration. Passwords come from its environment. */
export function natsAccounts(root: string, users: readonly ForeignUser[]): string {
  const subject = (filter: string) => JSON.stringify(filter.replaceAll('+', '*').replaceAll('/', '.'))
  const list = (filters: readonly string[]) => filters.map((one) => `          ${subject(one)}\n`).join('')
  const blocks = users.map((user) => {
    const { publish, receive, own } = foreignRights(root, user)
    const answers = own.map((one) => ownFilter(one, root, '+'))
    const name = user.name ?? 'ocs'
    return `      { user: ${JSON.stringify(name)}, password: $${passwordVariable(name)}, permissions: {
        publish: { allow: [
${list(publish)}        ] }
        subscribe: { allow: [
${list([...receive, ...answers])}        ] }
      } }
`
  })
  return `accounts {\n  OCS {\n    jetstream: enabled\n    users: [\n${blocks.join('')}    ]\n  }\n}\n`
}

/** The environment variable of a NATS server with a user's password. */
function passwordVariable(name: string): string {
  return `OCS_PASSWORD_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`
}
