/**
 * AsyncAPI's own parser on `docs/asyncapi.yaml`, and ajv, which comes with it, on real traffic of a lab as
 * received by Mosquitto's client.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { addressOf } from '../../src/core/topic.ts'
import { DemoLab, SITE } from './demo-lab.ts'
import { ownerSubscriber, split } from './listener.ts'
import { figure, Lab, ROOT, until } from './roles.ts'

setDefaultTimeout(400_000)

/** A folder where npm has installed `@asyncapi/parser`. */
const FOLDER = process.env['OCS_ASYNCAPI'] ?? ''
if (!FOLDER) throw new Error('OCS_ASYNCAPI has to name a folder with @asyncapi/parser in its node_modules')
const load = createRequire(join(FOLDER, 'package.json'))
const TEXT = readFileSync(join(ROOT, 'docs', 'asyncapi.yaml'), 'utf8')

interface Finding {
  /** 0 error, 1 warning, 2 information. */
  readonly severity: number
  readonly code: string
  readonly message: string
}
type Check = ((payload: unknown) => boolean) & { readonly errors?: unknown }

async function findings(text: string): Promise<Finding[]> {
  const { Parser } = load('@asyncapi/parser') as {
    Parser: new () => { parse(text: string): Promise<{ diagnostics: Finding[] }> }
  }
  const { diagnostics } = await new Parser().parse(text)
  return diagnostics.filter(({ severity }) => severity < 2)
}

test('the parser of AsyncAPI finds neither errors nor warnings', async () => {
  expect(await findings(TEXT)).toEqual([])
  expect(await findings(TEXT.replace('action: receive', 'action: take'))).not.toEqual([])
})

test('all that a lab puts on the bus fits the document', async () => {
  const { channels, components } = Bun.YAML.parse(TEXT) as {
    channels: Record<string, { address: string }>
    components: { messages: Record<string, { payload: { $ref: string } }> }
  }
  const Ajv = load('ajv') as new (
    options: object,
  ) => {
    addSchema(schema: unknown, key: string): void
    compile(schema: object): Check
  }
  const ajv = new Ajv({ strict: false })
  ajv.addSchema({ components }, 'doc')
  const checks = Object.entries(channels).map(([key, { address }]) => ({
    key,
    channel: { pattern: address },
    fits: ajv.compile({ $ref: `doc${components.messages[key]?.payload.$ref}` }),
  }))
  expect(checks.find(({ key }) => key === 'ack')?.fits({ epoch: 'e', seq: 0, data_dir: '' })).toBe(false)

  await using lab = new Lab()
  const demo = new DemoLab(lab)
  await lab.hub(...SITE)
  const seen = new Map<string, number>()
  const wrong: unknown[] = []
  lab.program('observer', ownerSubscriber(lab, 'observer', 'observatory/#', '%t %p'), {
    onLine: ({ text }) => {
      const [topic, payload] = split(text)
      const found = checks.find(({ channel }) => addressOf(channel as never, topic))
      if (payload === '') return
      if (!found?.fits(JSON.parse(payload))) wrong.push({ topic, payload, why: found?.fits.errors })
      else seen.set(found.key, (seen.get(found.key) ?? 0) + 1)
    },
  })
  await demo.sim240()
  demo.aggregator('--frame-length', '2')
  const agent = demo.ls240(10)
  await agent.says('Channel_1 ')
  const hub = ['--site-hub', 'mqtt://127.0.0.1:1883']
  await lab.run(['ctrl', 'start', 'ls240', 'set_values', '--channel=3', '--enabled=1', ...hub])
  const wanted = [
    'presence',
    'api',
    'session',
    'request',
    'reply',
    'feed',
    'last',
    'replay',
    'replayed',
    'ack',
    'hub',
  ]
  await until('each kind of message', 30, () => wanted.every((key) => seen.has(key)))
  await agent.kill()
  expect(wrong).toEqual([])
  figure([...seen].map(([key, count]) => `${count} ${key}`).join(', '))
})
