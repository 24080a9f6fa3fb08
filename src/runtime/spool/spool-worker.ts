/**
 * The thread that writes the spools of a process: a slow disk blocks only this thread, never the readings or
 * the bus (`docs/decisions/0004`). Every order is answered.
 */
import type { Database } from 'bun:sqlite'
import { messageOf } from '../../core/errors.ts'
import { type Answer, commit, type Done, type Order, openSpoolFile } from './spool-file.ts'

declare const self: Worker

const files = new Map<number, Database>()

self.onmessage = ({ data }: MessageEvent<readonly Order[]>) => self.postMessage(data.map(carryOut))

function carryOut(order: Order): Answer {
  const { spool } = order
  if ('close' in order) {
    files.get(spool)?.close()
    files.delete(spool)
    return { spool, number: 0, done: { firsts: {}, ended: [], dropped: 0 } }
  }
  return { spool, number: order.number, done: tryCommit(order) }
}

function tryCommit({ spool, path, batch }: Exclude<Order, { close: true }>): Done {
  try {
    const db = files.get(spool) ?? openSpoolFile(path)
    files.set(spool, db)
    return commit(db, batch)
  } catch (error) {
    return { error: messageOf(error) }
  }
}
