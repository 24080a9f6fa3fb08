/**
 * The writing thread of a spool: a slow disk holds up this thread alone, never the readings or the bus
 * (`docs/decisions/0004`). Every order but the first is answered.
 */
import type { Database } from 'bun:sqlite'
import { messageOf } from '../../core/errors.ts'
import { type Answer, commit, type Done, type Order, openSpoolFile } from './spool-file.ts'

declare const self: Worker

let db: Database | undefined
let path = ''

self.onmessage = ({ data }: MessageEvent<Order>) => {
  if ('open' in data) {
    path = data.open
    return
  }
  if ('close' in data) {
    db?.close()
    self.postMessage({ number: 0, done: { firsts: {}, ended: [], dropped: 0 } } satisfies Answer)
    return
  }
  let done: Done
  try {
    db ??= openSpoolFile(path)
    done = commit(db, data.batch)
  } catch (error) {
    done = { error: messageOf(error) }
  }
  self.postMessage({ number: data.number, done } satisfies Answer)
}
