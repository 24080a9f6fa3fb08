/** A note is an event at once, and still an annotation for a bridge that is started later. */
import { afterEach, expect, test } from 'bun:test'
import { join } from 'node:path'
import aggregator from '../src/agents/aggregator.ts'
import { startBridge } from '../src/bridge/bridge.ts'
import { testLab, until } from '../src/bridge/lab.test-aid.ts'
import { caller } from '../src/lab/request-client.ts'
import { cleanUp, folder } from '../src/storage/recorder/recorder.test-aid.ts'
import { ownClock } from './own-clock.ts'

afterEach(cleanUp)

interface Mark {
  readonly text: string
  readonly tags: readonly string[]
}

test('notes survive the recorder and the bridge, each once', async () => {
  using _ = ownClock()
  await using lab = testLab()
  const args = { data_dir: join(folder(), 'data') }
  const recorder = await lab.run(aggregator, 'aggregator', args)
  const bridge = async () => {
    const { url, close } = await startBridge({
      bus: lab.hub.connect(`bridge-${Math.random().toString(36).slice(2)}`),
      root: 'observatory',
      listen: { host: '127.0.0.1', port: 0 },
      log: (text) => lab.lines.push(text),
    })
    const marks = async (query: string): Promise<Mark[]> => {
      const range = {
        from: new Date(Date.now() - 60_000).toISOString(),
        to: new Date(Date.now() + 60_000).toISOString(),
      }
      const answer = await fetch(`${url}/annotations`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ range, annotation: { query } }),
      })
      return (await answer.json()) as Mark[]
    }
    return { marks, close }
  }
  const note = (wanted: string) => (marks: readonly Mark[]) => marks.some(({ text }) => text.includes(wanted))
  const first = await bridge()
  const ask = await caller(lab.hub.connect('ctrl'), 'observatory')
  const write = async (text: string) => {
    await ask.request('aggregator', 'note', 'start', { text, by: 'maya@grumpy' })
    return await ask.request('aggregator', 'note', 'wait', {}, 10)
  }
  expect((await write('warmed up to 4 K')).session.success).toBe(true)
  const marks = await until(() => first.marks('#note maya'), note('warmed up'))
  expect(marks).toMatchObject([
    { text: 'warmed up to 4 K (maya@grumpy)', tags: ['aggregator', 'note', 'event', 'info'] },
  ])

  await recorder.stop()
  await first.close()
  await lab.run(aggregator, 'aggregator', args)
  const second = await bridge()
  await until(() => second.marks('note'), note('warmed up'))
  expect((await write('valve open')).session.success).toBe(true)
  const both = await until(() => second.marks('note'), note('valve open'))
  const events = both.filter(({ tags }) => tags.includes('event'))
  expect(events.map(({ text }) => text)).toEqual([
    'warmed up to 4 K (maya@grumpy)',
    'valve open (maya@grumpy)',
  ])
  await second.close()
})
