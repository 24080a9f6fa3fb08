import { expect, test } from 'bun:test'
import { z } from 'zod'
import { channel } from '../core/topic.ts'
import { Mailbox } from './mailbox.ts'

const counts = channel('{root}/{instance}/counts', z.object({ n: z.int() }))
const of = (instance: string) => `lab/${instance}/counts`

test('a listener hears a topic that was heard before it came, and nothing once it has left', () => {
  const mailbox = new Mailbox({})
  const heard: string[] = []
  const listen = (name: string, instance?: string) =>
    mailbox.add(counts, { root: 'lab', ...(instance && { instance }) }, ({ n }, address) => {
      heard.push(`${name} ${address.instance} ${n}`)
    })
  const say = (n: number) => mailbox.deliver(of('a'), JSON.stringify({ n }), false)
  say(1)
  const leave = listen('all')
  say(2)
  listen('a', 'a')
  listen('b', 'b')
  say(3)
  leave()
  say(4)
  expect(heard).toEqual(['all a 2', 'all a 3', 'a a 3', 'a a 4'])
})

test('the listeners of a topic are looked for once, and those of few topics are remembered', () => {
  const mailbox = new Mailbox({})
  let looked = 0
  let heard = 0
  const watched = {
    ...counts,
    get pattern() {
      looked++
      return counts.pattern
    },
  }
  mailbox.add(watched, { root: 'lab' }, () => void heard++)
  const say = (instance: string) => mailbox.deliver(of(instance), '{"n": 1}', false)
  for (let n = 0; n < 100; n++) say('a')
  expect({ looked, heard }).toEqual({ looked: 1, heard: 100 })
  // The replies to a client have a topic each: they must not be kept for ever.
  for (let n = 0; n < 5000; n++) say(`once-${n}`)
  say('a')
  expect({ looked, heard }).toEqual({ looked: 5002, heard: 5101 })
})
