/**
 * The writing thread of a spool: a slow disk holds up this thread alone, never the readings or the bus
 * (`docs/decisions/0004`). Every order but the
 * first is answered.
 */
import type { Database } from 'bun:sqlite'
import { messageOf } from '../core/errors.ts'
import { commit, type Done, type Order, openSpoolFile } from './spool-file.ts'

declare const self: Worker

let db: Database | undefined
let path = ''

self.onmessage = ({ data }: MessageEvent<Order>) => {
  let done: Done = { firsts: {}, ended: [] }
  try {
    if ('open' in data) path = data.open
    else if ('close' in data) db?.close()
    else {
      db ??= openSpoolFile(path)
      done = commit(db, data)
    }
  } catch (error) {
    done = { error: messageOf(error) }
  }
  if (!('open' in data)) self.postMessage(done)
}
