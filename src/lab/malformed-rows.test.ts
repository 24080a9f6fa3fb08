import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { folder } from '../../test/temporary.ts'
import { MemoryHub } from '../bus/memory.ts'
import { channels, type HeldEpoch } from '../core/channels.ts'
import { LiveCache } from '../datanode/live-cache.ts'
import { beatOf, count, counts } from '../runtime/counts.test-aid.ts'
import { Recorder } from '../storage/recorder/recorder.ts'
import { follow } from './follow.ts'

const root = 'observatory'
const LAST = 6

const row = (seq: number, more: object = {}) => ({ ...count('e1', seq, 1000 + seq), seq, ...more })

/** Row 3 as agents of other makes have sent it, as JSON text. */
const MALFORMED: readonly (readonly [kind: string, text: string])[] = [
  ['NaN as Python writes it', JSON.stringify(row(3)).replace('"data":{"n":[3]', '"data":{"n":[NaN]')],
  ['Infinity as Python writes it', JSON.stringify(row(3)).replace('[3]', '[-Infinity]')],
  ['NaN for a time', JSON.stringify(row(3)).replace('1003', 'NaN')],
  ['a time as text', JSON.stringify(row(3, { t: ['1003'] }))],
  ['times that are no list', JSON.stringify(row(3, { t: 1003 }))],
  ['no times', JSON.stringify(row(3, { t: undefined }))],
  ['no data', JSON.stringify(row(3, { data: undefined }))],
  ['data that is null', JSON.stringify(row(3, { data: null }))],
  ['a column that is no list', JSON.stringify(row(3, { data: { n: 3 } }))],
  ['an object as a value', JSON.stringify(row(3, { data: { n: [{ value: 3 }] } }))],
  ['a list as a value', JSON.stringify(row(3, { data: { n: [[3]] } }))],
  ['a field name with a blank', JSON.stringify(row(3, { data: { 'n 1': [3] } }))],
  ['an empty field name', JSON.stringify(row(3, { data: { '': [3] } }))],
  ['a block name with a line feed', JSON.stringify(row(3, { block: 'a\nb' }))],
  ['no block', JSON.stringify(row(3, { block: undefined }))],
  ['a number as block', JSON.stringify(row(3, { block: 7 }))],
  ['an epoch that is no name', JSON.stringify(row(3, { epoch: 'e 1' }))],
  ['another epoch', JSON.stringify(row(3, { epoch: 'e2' }))],
  ['no seq', JSON.stringify(row(3, { seq: undefined }))],
  ['a seq as text', JSON.stringify(row(3, { seq: '3' }))],
  ['a seq with a fraction', JSON.stringify(row(3, { seq: 3.5 }))],
  ['null', 'null'],
  ['a text', '"row"'],
  [
    'JSON of great depth',
    `{"epoch":"e1","seq":3,"block":"count","t":[1003],"data":{"n":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`,
  ],
  ['fewer values than times', JSON.stringify(row(3, { data: { n: [] } }))],
  ['a field that is not declared', JSON.stringify(row(3, { data: { m: [3] } }))],
  ['a block that is not declared', JSON.stringify(row(3, { block: 'constructor' }))],
  ['text for an integer', JSON.stringify(row(3, { data: { n: ['three'] } }))],
  ['JSON that breaks off', '{"epoch":"e1","seq":3,"block":"count"'],
  ['a decimal comma', JSON.stringify(row(3)).replace('1003', '1003,5').replace('"n":[3]', '"n":[3,,5]')],
]
/** What the recorder finds by itself, and a plot does not mind. */
const BY_DECLARATION = new Set(MALFORMED.slice(-6, -2).map(([kind]) => kind))

/** An agent of another make: rows 1 to 6, of which the third is malformed; `live` of them come before anyone asks. */
async function foreign(hub: MemoryHub, holder: string, text: string) {
  const agent = hub.connect(holder)
  const texts = new Map(Array.from({ length: LAST }, (_, at) => [at + 1, JSON.stringify(row(at + 1))]))
  texts.set(3, text)
  let head = LAST
  await agent.subscribe(
    channels.replay,
    { root, instance: holder },
    ({ id, feed, epoch, from, max_bytes }, { client }) => {
      const last = epoch === 'e1' ? (max_bytes < 1000 ? from : head) : from - 1
      const rows = [...texts].filter(([seq]) => seq >= from && seq <= last).map(([, each]) => each)
      const about = JSON.stringify({
        feed,
        epoch,
        declaration: counts,
        next: last + 1,
        head: Math.max(last, epoch === 'e1' ? head : 0),
      })
      hub.say(`${root}/${holder}/replayed/${client}/${id}`, `${about.slice(0, -1)},"rows":[${rows.join()}]}`)
    },
  )
  const held = (last: number): HeldEpoch[] => [{ epoch: 'e1', first: 1, last, acked: 0 }]
  return {
    /** Its beat, which says that it holds the rows up to `last`. */
    beat(last: number) {
      head = last
      hub.say(`${root}/${holder}/presence`, JSON.stringify(beatOf('s', held(last))), { retain: true })
    },
    /** Its beat while it drains the spool of the agent `of`. */
    drain(of: string) {
      void agent.publish(
        channels.drains,
        { root, instance: holder, of },
        { feeds: { counts: { spool: 's', epochs: held(LAST) } } },
      )
    },
    live(last: number) {
      head = Math.max(head, last)
      for (let seq = 3; seq <= last; seq++) hub.say(`${root}/${holder}/feeds/counts`, texts.get(seq) ?? '')
    },
  }
}

/** A recorder that follows, and what it has acknowledged and said. */
async function recording(hub: MemoryHub) {
  const dir = folder()
  const said: string[] = []
  const acked = Promise.withResolvers<void>()
  const recorder = await Recorder.open({
    dir: join(dir, 'data'),
    root,
    frameLength: 0.01,
    log: () => {},
    event: (_, kind, text) => said.push(`${kind}: ${text}`),
  })
  const follower = await follow(hub.connect('recorder'), root, recorder)
  recorder.attach({
    state: follower.state,
    acknowledge: (_, seq) => seq === LAST && acked.resolve(),
    [Symbol.asyncDispose]: async () => {},
  })
  return { recorder, follower, said, acked: acked.promise }
}

const PATHS = ['live', 'replay', 'drain'] as const
test.each(MALFORMED.flatMap(([kind, text]) => PATHS.map((path) => [kind, path, text] as const)))(
  '%s, %s: that row alone is left out, counted and recorded as a gap of one',
  async (_, path, text) => {
    const hub = new MemoryHub()
    const { recorder, follower, said, acked } = await recording(hub)
    const agent = await foreign(hub, path === 'drain' ? 'counter-drain-00000001' : 'counter', text)
    if (path === 'drain') agent.drain('counter')
    else if (path === 'replay') agent.beat(LAST)
    else {
      agent.beat(2)
      while (recorder.providers['observatory.counter.feeds.counts']?.seq !== 2)
        await new Promise((resolve) => setImmediate(resolve))
      agent.live(LAST)
    }
    await acked
    expect(recorder.counters).toMatchObject({ rows: LAST - 1, quarantined: 1, gaps: 0, duplicates: 0 })
    expect(
      said.filter((each) => each.startsWith('quarantine: observatory.counter.feeds.counts: row 3 ')),
    ).toHaveLength(1)
    await follower[Symbol.asyncDispose]()
    await recorder[Symbol.asyncDispose]()
  },
)

test.each(MALFORMED.filter(([kind]) => !BY_DECLARATION.has(kind)))(
  '%s: a data node shows the rows behind it',
  async (_, text) => {
    const hub = new MemoryHub()
    const cache = new LiveCache(root, 'counter', undefined, 1e6)
    const agent = await foreign(hub, 'counter', text)
    const follower = await follow(hub.connect('node'), root, cache, { since: 0 })
    agent.beat(LAST)
    while (follower.state.behind > 0 || cache.rowsTaken < LAST - 1)
      await new Promise((resolve) => setImmediate(resolve))
    expect([cache.rowsTaken, follower.state.malformed]).toEqual([LAST - 1, 1])
    await follower[Symbol.asyncDispose]()
  },
)
