/**
 * The thread that writes the spools of a process: a slow disk holds up this thread alone, never the readings or the bus
 * (`docs/decisions/0004`). Every order is answered.
 */
import type { Database } from 'bun:sqlite'
import { messageOf } from '../../core/errors.ts'
import { type Answer, commit, type Done, type Order, openSpoolFile } from './spool-file.ts'

declare const self: Worker

const files = new Map<number, Database>()

self.onmessage = ({ data }: MessageEvent<Order>) => {
  const { spool } = data
  const answer = (number: number, done: Done) => self.postMessage({ spool, number, done } satisfies Answer)
  if ('close' in data) {
    files.get(spool)?.close()
    files.delete(spool)
    answer(0, { firsts: {}, ended: [], dropped: 0 })
    return
  }
  let done: Done
  try {
    const db = files.get(spool) ?? openSpoolFile(data.path)
    files.set(spool, db)
    done = commit(db, data.batch)
  } catch (error) {
    done = { error: messageOf(error) }
  }
  answer(data.number, done)
}
