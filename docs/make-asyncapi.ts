/**
 * Writes `docs/asyncapi.yaml` from `src/core/channels.ts`, and the tables of `docs/protocol.md`
 * from the same source: `bun docs/make-asyncapi.ts`. AsyncAPI 3.0, from the view of a client of agents.
 */
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { limits } from '../src/broker/limits.ts'
import { type Role, refusePublish } from '../src/broker/rules.ts'
import * as wire from '../src/core/channels.ts'
import { counterHelp } from '../src/core/counter-help.ts'
import { BLOCK, CLIENT, drainInstance, FIELD, NAME } from '../src/core/names.ts'
import { Action, OpSession } from '../src/core/ops.ts'
import { type Channel, topic } from '../src/core/topic.ts'

const { channels } = wire
type Key = keyof typeof channels

/** What travels on each channel, in a line. */
const about: Readonly<Record<Key, string>> = {
  presence: 'State of an instance, every 5 s and at each change; its last will says `lost`.',
  api: 'What an instance can do and publish: operations, queries, feeds.',
  session: 'Latest run of an operation; at once when its state changes, else less often.',
  request: 'Asks an operation to start, wait, stop, abort or tell its status.',
  query: 'Asks a question that is answered at once, without a session.',
  reply: 'Answer to one request or query; long results come in pieces.',
  feed: 'One row of a feed: samples of one block.',
  message: 'A message of a feed that is not recorded: any JSON.',
  last: 'Newest value of each field of a feed, at most once in 5 s, with its `timestamp`.',
  replay: 'Asks for rows of a feed that the agent still holds.',
  replayed: 'Answer to one replay.',
  ack: 'From a recorder, signed: rows up to `seq` are in a synced file.',
  drains: 'What a spool still holds whose agent is gone, each second until all of it is recorded.',
  event: 'Something worth knowing: warnings, errors, losses.',
  hub: 'The hub itself, with its limits.',
  ping: 'The hub asks a client whether it lives; the PUBACK is the answer.',
  refused: 'To a client, without a subscription: what it published is not passed on, and why.',
  audit: 'For administrators: log-ins, refusals, and who started, stopped and locked what.',
  login: 'To a client that has connected with a name and a password under a `login-` id: a token.',
}
/** What the names in a topic stand for. */
const names: Readonly<Record<string, { description: string; pattern: RegExp; enum?: readonly string[] }>> = {
  root: { description: 'Address root of the site, `observatory` by default.', pattern: NAME },
  instance: { description: 'Instance-id, which is the agent’s MQTT client id.', pattern: NAME },
  of: { description: 'Instance-id whose rows they are.', pattern: NAME },
  op: { description: 'Name of an operation.', pattern: NAME },
  query: { description: 'Name of a query.', pattern: NAME },
  feed: { description: 'Name of a feed.', pattern: NAME },
  action: { description: 'What is asked of the operation.', pattern: NAME, enum: Action.options },
  client: { description: 'MQTT client id of the caller.', pattern: CLIENT },
  id: { description: 'The `id` of the request.', pattern: CLIENT },
}
/** Channels a client asks on, and the channel of the answer. */
const asks: Partial<Record<Key, Key>> = { request: 'reply', query: 'reply', replay: 'replayed' }
/** Channels whose payload carries the `id` that request and answer share. */
const correlated: readonly Key[] = ['request', 'query', 'reply', 'replay']

const keys = Object.keys(channels) as Key[]
const namesIn = (pattern: string) => [...pattern.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
const title = (key: string) => key[0]?.toUpperCase() + key.slice(1)

/** Who may publish on a channel, as the hub's own rules answer: the role, and the name that is the sender's own. */
function publisher({ pattern, retain }: Channel): { role: Role | 'hub'; own?: string } {
  // A drain's own id is made of whose rows it has.
  const drain = drainInstance('a-of', '0'.repeat(8))
  const example = (name: string) =>
    name === 'instance' && namesIn(pattern).includes('of') ? drain : `a-${name}`
  const address = Object.fromEntries(namesIn(pattern).map((name) => [name, example(name)]))
  const sent = { topic: topic({ pattern } as Channel, address), qos: 0, retain }
  for (const role of ['agent', 'operator', 'observer', 'recorder'] as const) {
    const roles = new Set([role])
    const may = (id: string) => refusePublish('a-root', { id, roles }, sent) === undefined
    if (may('someone')) return { role }
    const own = namesIn(pattern).find((name) => may(example(name)))
    if (own) return { role, own }
  }
  return { role: 'hub' }
}

/** Payload types by name: those that `channels.ts` exports go by that, the rest by their channel. */
const types = new Map<unknown, string>(
  Object.entries({ ...wire, OpSession }).flatMap(([name, type]) =>
    type instanceof z.ZodType ? [[type, name]] : [],
  ),
)
for (const key of keys) {
  const { payload } = channels[key]
  if (!types.has(payload)) types.set(payload, title(key))
}
const schemaOf = (key: Key): string => types.get(channels[key].payload) ?? ''

/** The JSON Schemas (draft 7) of all payloads by name; they refer to each other as components of the document. */
function schemas(): Record<string, unknown> {
  const named = z.registry<{ id: string }>()
  for (const [type, id] of types) named.add(type as z.ZodType, { id })
  const uri = (id: string) => `#/components/schemas/${id}`
  const made = z.toJSONSchema(named, { target: 'draft-7', io: 'input', uri }).schemas
  return Object.fromEntries(
    Object.entries(made).map(([name, { $schema: _, $id: __, id: ___, ...schema }]) => [name, plain(schema)]),
  )
}

/** Without what says nothing: bounds of every safe integer, and that keys are strings. */
function plain(schema: unknown): unknown {
  const idle = (key: string, value: unknown) =>
    (/^(max|min)imum$/.test(key) && Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER) ||
    (key === 'propertyNames' && JSON.stringify(value) === '{"type":"string"}')
  const text = JSON.stringify(schema, (key, value) => (idle(key, value) ? undefined : value))
  return JSON.parse(text)
}

/** The AsyncAPI document. */
export function asyncapi(): Record<string, unknown> {
  const messages = keys.map((key) => [
    key,
    {
      name: key,
      contentType: 'application/json',
      payload: { $ref: `#/components/schemas/${schemaOf(key)}` },
      ...(correlated.includes(key) && { correlationId: { location: '$message.payload#/id' } }),
    },
  ])
  const topics = keys.map((key) => [
    key,
    {
      address: channels[key].pattern,
      summary: about[key],
      messages: { [key]: { $ref: `#/components/messages/${key}` } },
      parameters: Object.fromEntries(
        namesIn(channels[key].pattern).map((name) => [
          name,
          // A reply's topic ends in the id of its request.
          name === 'id' && key === 'reply'
            ? { $ref: '#/components/parameters/replyId' }
            : { $ref: `#/components/parameters/${name}` },
        ]),
      ),
    },
  ])
  const operations = keys.map((key) => [
    `${sends(key) ? 'send' : 'receive'}${title(key)}`,
    {
      action: sends(key) ? 'send' : 'receive',
      channel: { $ref: `#/channels/${key}` },
      messages: [{ $ref: `#/channels/${key}/messages/${key}` }],
      bindings: { mqtt: { qos: channels[key].qos, retain: channels[key].retain, bindingVersion: '0.2.0' } },
      ...(asks[key] && {
        reply: {
          channel: { $ref: `#/channels/${asks[key]}` },
          messages: [{ $ref: `#/channels/${asks[key]}/messages/${asks[key]}` }],
        },
      }),
    },
  ])
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'ocs',
      version: '1',
      description:
        'Topics and payloads of ocs as a client of agents sees them. Made by docs/make-asyncapi.ts; do not edit. ' +
        'What cannot be said here (time-outs, repeated requests, NaN, replay) is in docs/protocol.md.',
      license: { name: 'BSD-2-Clause' },
    },
    defaultContentType: 'application/json',
    servers: {
      mqtt: server('127.0.0.1:1883', 'mqtt'),
      websocket: { ...server('127.0.0.1:8001', 'ws'), pathname: '/ws' },
    },
    channels: Object.fromEntries(topics),
    operations: Object.fromEntries(operations),
    components: {
      messages: Object.fromEntries(messages),
      parameters: parameters(),
      schemas: schemas(),
    },
  }
}

const sends = (key: Key): boolean => {
  const { own, role } = publisher(channels[key])
  return own === 'client' || role === 'recorder'
}

function server(host: string, protocol: string): Record<string, unknown> {
  const { pattern, qos, retain } = channels.presence
  const lastWill = { topic: pattern, qos, retain, message: 'Of an agent: its presence with state "lost".' }
  return {
    host,
    protocol,
    protocolVersion: '3.1.1',
    description: protocol === 'ws' ? 'MQTT over WebSocket, subprotocol mqtt.' : 'MQTT over TCP.',
    bindings: {
      mqtt: { cleanSession: true, keepAlive: limits.silence, lastWill, bindingVersion: '0.2.0' },
    },
  }
}

function parameters(): Record<string, unknown> {
  const all = Object.entries(names).map(([name, { description, pattern, enum: choices }]) => [
    name,
    { description: `${description} Matches ${pattern.source}`, ...(choices && { enum: choices }) },
  ])
  const replyId = { ...Object.fromEntries(all).id, location: '$message.payload#/id' }
  return { ...Object.fromEntries(all), replyId }
}

/** The tables of `docs/protocol.md`, by the name between their markers. */
function tables(): Record<string, string> {
  const mark = (yes: boolean) => (yes ? 'yes' : '')
  const sender = (key: Key) => {
    const { role, own } = publisher(channels[key])
    return own ? `${role}, as \`{${own}}\`` : role
  }
  return {
    topics: table(
      ['topic', 'payload', 'QoS', 'retained', 'published by'],
      keys.map((key) => {
        const { pattern, qos, retain } = channels[key]
        return [`\`${pattern}\``, schemaOf(key), String(qos), mark(retain), sender(key)]
      }),
    ),
    meanings: table(
      ['topic', 'what it says'],
      keys.map((key) => [`\`${channels[key].pattern.replace('{root}/', '')}\``, about[key]]),
    ),
    names: table(
      ['name', 'fits'],
      [
        ['root, instance, feed, operation, query', `\`${NAME.source}\``],
        ['client id, request id', `\`${CLIENT.source}\``],
        ['block', `\`${BLOCK.source}\``],
        ['field', `\`${FIELD.source}\`, at most 255`],
      ],
    ),
    counters: table(
      ['counter', 'counts'],
      Object.entries(counterHelp).map(([name, what]) => [`\`${name}\``, what]),
    ),
    limits: table(
      ['limit', 'value'],
      Object.entries(limits).map(([name, value]) => [`\`${name}\``, value.toLocaleString('en')]),
    ),
  }
}

/** A page with its marked tables made anew. */
export function withTables(page: string): string {
  const made = tables()
  return page.replaceAll(
    /(<!-- table (\w+) -->\n).*?(<!-- end -->)/gs,
    (_, begin, name, end) => `${begin}\n${made[name] ?? ''}\n${end}`,
  )
}

/** The document as the file holds it. */
export function asyncapiText(): string {
  return `${Bun.YAML.stringify(asyncapi(), null, 2)}\n`
}

function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  const rows = [head, ...body]
  const widths = head.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  const lines = rows.map((row) => `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`)
  return `${[lines[0], `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...lines.slice(1)].join('\n')}\n`
}

if (import.meta.main) {
  const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))
  await Bun.write(path('asyncapi.yaml'), asyncapiText())
  await Bun.write(path('protocol.md'), withTables(await Bun.file(path('protocol.md')).text()))
}
