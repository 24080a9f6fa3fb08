import { channels } from '../core/channels.ts'
import { drainInstance } from '../core/names.ts'
import { topic } from '../core/topic.ts'
import type { Asked, Overheard, Question } from './overheard.ts'

/** A message that has no right to be as it is. */
export interface Wrong {
  /** What is wrong with it. */
  readonly kind: string
  readonly topic: string
  readonly payload: string
  readonly retain?: boolean
}
/** Who sends it: the address root, and the instance-id. */
export interface Sender {
  readonly root: string
  readonly instance: string
}

/** A number that no instrument sends. */
const NOBODYS = 123_456_789
const FORGED = { status: 0, msg: 'forged' }
const DEEP = `${'['.repeat(5000)}${']'.repeat(5000)}`

/** What a client may answer in its own name to what others were asked last, and should not. */
export function answers({ root, instance }: Sender, { question, request }: Overheard): Wrong[] {
  return [
    ...(question ? [rowsFor(question, instance, 'rows for another’s question')] : []),
    ...(request ? [replyTo(request, root, instance, 'a reply to another’s request')] : []),
  ]
}

/** What a client may say in its own name, and should not: of itself, and to others. */
export function inOwnName(sender: Sender, feed: string, { row }: Overheard): Wrong[] {
  const { root, instance } = sender
  const document = (kind: string, where: string, payload: string) => ({
    ...{ kind, topic: where, payload, retain: true },
  })
  const presence = topic(channels.presence, sender)
  const wrongs: Wrong[] = [
    document('a presence of nothing', presence, '{}'),
    document('a presence with an escape', presence, '{"state":"\\u001b[2J"}'),
    document('a deeply nested api', topic(channels.api, sender), `{"ops":${DEEP}}`),
    document(
      'a session without a date',
      topic(channels.session, { ...sender, op: 'acq' }),
      '{"start_time":1e300}',
    ),
    document('last values that are none', topic(channels.last, { ...sender, feed }), '[[]]'),
  ]
  if (!row) return wrongs
  const to = { root, instance: row.instance, client: instance }
  const start = topic(channels.request, { ...to, op: 'acq', action: 'start' })
  const rows = { id: 'x', feed: row.feed, epoch: row.row.epoch, from: 1e15, max_bytes: 1 }
  return [
    ...wrongs,
    { kind: 'a request that makes no sense', topic: start, payload: '{"id":"x","params":7}' },
    {
      kind: 'a question for rows that are not there',
      topic: topic(channels.replay, to),
      payload: JSON.stringify(rows),
    },
  ]
}

/** What a client says in another’s name; nothing while it knows of nobody. */
export function inAnothersName(root: string, { row: last, question, request, presence }: Overheard): Wrong[] {
  if (!last) return []
  const { instance, feed, row } = last
  const to = { root, instance, feed }
  const seq = (row.seq ?? 0) + 1
  const data = Object.fromEntries(Object.keys(row.data).map((field) => [field, [NOBODYS]]))
  const epochs = [{ epoch: row.epoch, first: seq, last: seq + 9, acked: seq + 9 }]
  const feeds = { [feed]: { spool: 'forged', epochs } }
  const wrong = (kind: string, where: string, said: object, retain = false): Wrong => ({
    ...{ kind, topic: where, payload: JSON.stringify(said), retain },
  })
  const gone = { ...presence.get(instance), state: 'offline', feeds }
  return [
    wrong('a row', topic(channels.feed, to), { ...row, seq, data }),
    wrong('a presence', topic(channels.presence, to), gone, true),
    wrong('an acknowledgement', topic(channels.ack, to), { epoch: row.epoch, seq, data_dir: 'forged' }),
    wrong(
      'a drain',
      topic(channels.drains, { root, instance: drainInstance(instance, '0a1b2c3d'), of: instance }),
      { feeds },
    ),
    ...(question ? [rowsFor(question, question.instance, 'rows that nobody read')] : []),
    ...(request ? [replyTo(request, root, request.instance, 'a reply')] : []),
  ]
}

/** Rows that nobody read, as an answer to a question for some. */
function rowsFor({ root, client, id, feed, epoch, from }: Question, instance: string, kind: string): Wrong {
  const row = { epoch, seq: from, block: 'temps', t: [Date.now() / 1000], data: { Channel_1_V: [NOBODYS] } }
  const declaration = {
    ...{ agent_class: 'ForeignAgent', record: true, frame_length: 1 },
    blocks: { temps: { Channel_1_V: { type: 'double' } } },
  }
  const answer = { feed, epoch, rows: [row], declaration, next: from + 1, head: from }
  return {
    kind,
    topic: topic(channels.replayed, { root, instance, client, id }),
    payload: JSON.stringify(answer),
  }
}

function replyTo({ client, id }: Asked, root: string, instance: string, kind: string): Wrong {
  const payload = JSON.stringify({ id, ...FORGED })
  return { kind, topic: topic(channels.reply, { root, instance, client, id }), payload }
}
