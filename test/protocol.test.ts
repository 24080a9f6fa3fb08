/**
 * The pages about the bus match the code: the AsyncAPI document, the protocol's tables and examples, real
 * traffic.
 */
import { expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { asyncapi, asyncapiText, withTables } from '../docs/make-asyncapi.ts'
import fakeData from '../src/agents/fake-data.ts'
import { MemoryHub } from '../src/bus/memory.ts'
import type { Agent } from '../src/core/agent.ts'
import { channels } from '../src/core/channels.ts'
import { addressOf, type Channel } from '../src/core/topic.ts'
import { follow } from '../src/lab/follow.ts'
import { caller } from '../src/lab/request-client.ts'
import { runAgent } from '../src/runtime/run-agent.ts'
import { Spool } from '../src/runtime/spool/spool.ts'
import { ownClock } from './own-clock.ts'

const read = (path: string) => readFileSync(join(import.meta.dir, '..', path), 'utf8')
const root = 'observatory'

test('docs/asyncapi.yaml is what src/core/channels.ts says (bun docs/make-asyncapi.ts)', () => {
  expect(read('docs/asyncapi.yaml')).toBe(asyncapiText())
})

test('the tables of docs/protocol.md are those of the code (bun docs/make-asyncapi.ts)', () => {
  const page = read('docs/protocol.md')
  expect(page).toBe(withTables(page))
  expect(withTables('<!-- table names -->\n\nold\n\n<!-- end -->')).not.toContain('old')
})

test('every example of docs/protocol.md fits its topic', () => {
  const examples = [...read('docs/protocol.md').matchAll(/^```\n(observatory\S*)\n(\{.*?)\n```$/gms)]
  expect(examples.length).toBeGreaterThan(10)
  for (const [, topic = '', text = ''] of examples) {
    const found = Object.entries(channels).find(([, channel]) => addressOf(channel as Channel, topic))
    expect([topic, check(found?.[0] ?? 'no such topic', JSON.parse(text))]).toEqual([topic, undefined])
  }
})

test('real traffic of an agent fits the AsyncAPI document, with no member it does not name', async () => {
  using _ = ownClock()
  const dir = mkdtempSync(join(tmpdir(), 'ocs-protocol-'))
  const hub = new MemoryHub()
  const seen = new Map<string, number>()
  const wrong: unknown[] = []
  const waiting = new Map<string, () => void>()
  const observer = hub.connect('observer')
  for (const [key, channel] of Object.entries(channels)) {
    await observer.subscribe({ ...(channel as Channel), payload: z.unknown() }, {}, (payload) => {
      seen.set(key, (seen.get(key) ?? 0) + 1)
      const why = check(key, payload)
      if (why) wrong.push([key, why, payload])
      waiting.get(key)?.()
    })
  }
  const comes = (key: string) => new Promise<void>((resolve) => waiting.set(key, resolve))
  const all = ['last', 'ack', 'event'].map(comes)
  const agent = fakeData as unknown as Agent
  const spool = new Spool(join(dir, 'it.sqlite'))
  const running = await runAgent({
    agent,
    args: agent.spec.args.parse({ mode: 'acq', sample_rate: 5 }),
    identity: { root, instance: 'it', agentClass: 'FakeDataAgent', session: 's', since: 1, version: '0' },
    bus: hub.connect('it'),
    spool,
    log: () => {},
  })
  const reader = await follow(hub.connect('reader'), root, {
    wants: () => true,
    position: () => 0,
    gap: () => {},
    rows: (epoch, _, rows) => {
      reader.acknowledge(epoch, rows.at(-1)?.seq ?? 1, 'data-dir')
      return true
    },
  })
  const ask = await caller(hub.connect('script'), root)
  await ask.request('it', 'delay_task', 'start', { delay: 0 })
  await ask.request('it', 'delay_task', 'wait')
  await ask.request('it', 'delay_task', 'start', { delay: -1 })
  await ask.query('it', 'nothing', {}).catch(() => {})
  await observer.publish(
    channels.event,
    { root, instance: 'it' },
    { time: 1, level: 'info', kind: 'k', text: '' },
  )
  await Promise.all(all)
  await running.stop()
  rmSync(dir, { recursive: true })
  const expected = [
    'presence',
    'api',
    'session',
    'request',
    'query',
    'reply',
    'feed',
    'last',
    'replay',
    'replayed',
    'ack',
  ]
  expect(expected.filter((key) => !seen.has(key))).toEqual([])
  expect(wrong).toEqual([])
})

test('a payload that the document does not allow is found', () => {
  const ack = { epoch: 'e', seq: 1, data_dir: 'd', key: 'a1'.repeat(32), signature: '' }
  expect(check('ack', ack)).toBeUndefined()
  expect(check('ack', { ...ack, seq: 0 })).toBeString()
  expect(check('ack', { ...ack, more: 1 })).toBeString()
})

type Node = Record<string, unknown>
let validators: Record<string, z.ZodType> | undefined

/** Why a payload does not match its channel as documented, strictly; undefined if it does. */
function check(key: string, payload: unknown): string | undefined {
  validators ??= compile()
  const result = validators[key]?.safeParse(payload)
  return result ? result.error?.message : `${key} is not in the document`
}

function compile(): Record<string, z.ZodType> {
  const { channels: topics, components } = asyncapi() as {
    channels: Record<string, Node>
    components: { messages: Record<string, { payload: { $ref: string } }>; schemas: Node }
  }
  const schemas = strict(components.schemas) as Node
  return Object.fromEntries(
    Object.keys(topics).map((key) => {
      const $ref = components.messages[key]?.payload.$ref.replace('#/components/schemas/', '#/definitions/')
      const schema = { $schema: 'http://json-schema.org/draft-07/schema#', $ref, definitions: schemas }
      return [key, z.fromJSONSchema(schema as never)]
    }),
  )
}

/** A schema whose objects allow only the members they name. */
function strict(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(strict)
  if (typeof node !== 'object' || node === null) return node
  const made = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, strict(value)]))
  if (typeof made['$ref'] === 'string')
    made['$ref'] = made['$ref'].replace('components/schemas', 'definitions')
  const named = made['type'] === 'object' && 'properties' in made && !('additionalProperties' in made)
  return named ? { ...made, additionalProperties: false } : made
}
