import { afterAll, beforeAll, expect, test } from 'bun:test'
import { commandLab, type TestLab } from './ctrl.test-aid.ts'
import { heardBy } from './listen.ts'

let lab: TestLab
beforeAll(async () => {
  lab = await commandLab()
  await lab.start('fake', { mode: 'acq', num_channels: 1 })
})
afterAll(() => lab[Symbol.asyncDispose]())

test.each([
  ['ls240/feeds/+', ['feed ls240']],
  ['observatory/ls240/feeds/temperatures', ['feed ls240 temperatures']],
  ['observatory.ls240.feeds.temperatures', ['feed ls240 temperatures']],
  ['+/events', ['event']],
  ['+/+', ['presence', 'api', 'event']],
  ['ls240/ops/+/session', ['session ls240']],
  ['ls240/ops/#', ['session ls240']],
  ['ls240/+/temperatures', ['feed', 'message', 'last', 'ack'].map((name) => `${name} ls240 temperatures`)],
  ['hub', ['hub']],
])('%s', (pattern, wanted) => {
  const found = heardBy(pattern, 'observatory').map(({ name, address: { root: _, ...rest } }) =>
    [name, ...Object.values(rest)].join(' '),
  )
  expect(found).toEqual(wanted)
})

test('# alone is all that is said to everyone', () => {
  const all = heardBy('#', 'observatory').map(({ name }) => name)
  expect(all).toEqual(expect.arrayContaining(['presence', 'api', 'session', 'feed', 'event', 'hub']))
  expect(all as string[]).not.toContain('reply')
})

test.each(['ls240/feeds', 'ls240/replies/me/1', 'a b/feeds/x', '', 'ls240/feeds/x/y'])(
  '%p is nothing',
  (pattern) => {
    expect(() => heardBy(pattern, 'observatory')).toThrow(
      `nothing is published on "${pattern}"; patterns are {instance}/presence, `,
    )
  },
)

test('a line a message, with units, until Ctrl-C', async () => {
  const line = lab.begin(['ctrl', 'listen', 'fake/feeds/+', '+/feeds/false_temperatures', 'fake/presence'])
  await line.says(' K\n')
  await line.says('online')
  line.interrupt()
  expect(await line.code).toBe(0)
  const lines = line.out().trimEnd().split('\n')
  expect(lines[0]).toMatch(/^\S+T\S+ fake\/presence {2}online FakeDataAgent on \S+, pid \d+$/)
  expect(lines[1]).toMatch(/^\S+T\S+ fake\/feeds\/false_temperatures {2}channel_00 \S+ K$/)
  // Two patterns fit a row: it is one row.
  expect(lines.length).toBe(2)
})

test('JSON lines; nobody reading any more ends it quietly', async () => {
  const line = lab.begin(['ctrl', 'listen', '--json', 'fake/#'])
  await line.says('"topic":"observatory/fake/feeds/false_temperatures","retained":false')
  line.close()
  expect(await line.code).toBe(0)
  const messages = line
    .out()
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text) as { topic: string; retained: boolean; payload: object })
  expect(messages.find(({ topic }) => topic === 'observatory/fake/presence')).toMatchObject({
    retained: true,
    payload: { state: 'online', agent_class: 'FakeDataAgent' },
  })
  expect(line.err().replaceAll(/^\S+ /gm, '')).toBe('')
})
