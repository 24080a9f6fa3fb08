import { expect, test } from 'bun:test'
import { refusePublish, rolesOf } from '../broker/rules.ts'
import { channels } from '../core/channels.ts'
import { topic } from '../core/topic.ts'
import { ANYONE } from '../principals/principal.ts'
import { noisyAnswer, noisyRow } from './noise-feed.ts'
import { Overheard } from './overheard.ts'
import { answers, inAnothersName, inOwnName } from './wrong-messages.ts'

const root = 'observatory'
const ls240 = { root, instance: 'ls240' }
const say = (heard: Overheard) => {
  const row = { epoch: 'e1', seq: 7, block: 'temps', t: [1], data: { Channel_1_V: [2] } }
  heard.hear(topic(channels.feed, { ...ls240, feed: 'temperatures' }), JSON.stringify(row))
  const question = { id: 'q', feed: 'temperatures', epoch: 'e1', from: 1, max_bytes: 1 }
  heard.hear(topic(channels.replay, { ...ls240, client: 'aggregator' }), JSON.stringify(question))
  heard.hear(topic(channels.query, { ...ls240, query: 'history', client: 'me' }), '{"id":"r"}')
  heard.hear(topic(channels.presence, ls240), '{"state":"online"}')
  return heard
}
const refusal = (id: string, { topic, retain = false }: { topic: string; retain?: boolean }) =>
  refusePublish(root, { id, roles: rolesOf(ANYONE, id, ['aggregator']) }, { topic, retain, qos: 0 })

test('all that is said in another’s name is refused by the hub, whatever was overheard', () => {
  expect(inAnothersName(root, new Overheard('foreign'))).toEqual([])
  const wrongs = inAnothersName(root, say(new Overheard('foreign')))
  expect(wrongs.map(({ kind }) => kind)).toEqual([
    ...['a row', 'a presence', 'an acknowledgement', 'a drain', 'rows that nobody read', 'a reply'],
  ])
  for (const wrong of wrongs) expect(refusal('foreign-1', wrong), wrong.kind).toBeString()
})

test('all that is said in its own name reaches the others, who have to bear it', () => {
  const foreign = { root, instance: 'foreign' }
  const heard = say(new Overheard('foreign'))
  const wrongs = [...inOwnName(foreign, 'noise', heard), ...answers(foreign, heard)]
  expect(wrongs).toHaveLength(9)
  for (const wrong of wrongs) expect(refusal('foreign', wrong), wrong.kind).toBeUndefined()
})

test('it overhears others alone', () => {
  const heard = say(new Overheard('ls240'))
  expect([heard.row, heard.question, heard.request]).toEqual([undefined, undefined, undefined])
})

test('a wrong row is one, and so is a wrong answer', () => {
  const epoch = 'e1'
  const good = JSON.stringify({ epoch, seq: 3, block: 'noise', t: [5], data: { n: [0], count: [3] } })
  let at = 0
  const kinds = new Set<string>()
  // Every row that can be picked, by turns.
  for (let n = 0; n < 14; n++) {
    const picks = [n, 1]
    at = 0
    const [wrong = '', text] = noisyRow(
      epoch,
      3,
      5,
      (list) => list[picks[at++] ?? 0] as (typeof list)[number],
    )
    expect(text, wrong).not.toBe(good)
    kinds.add(wrong)
  }
  expect(kinds.size).toBe(14)
  const answers = [0, 2, 3, 4, 5, 6].map((n) =>
    noisyAnswer({ feed: 'noise', epoch, from: 3 }, [good], (list) => list[n] as (typeof list)[number]),
  )
  expect(new Set(answers.map(([, text]) => text)).size).toBe(6)
})
