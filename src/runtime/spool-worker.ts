/**
 * The writing thread of a spool: a slow disk holds up this thread alone, never the readings or the bus
 * (`docs/decisions/0004`). The first message is the file's path, each further one a batch; each is answered.
 */
import type { Database } from 'bun:sqlite'
import { messageOf } from '../core/errors.ts'
import { type Batch, commit, type Done, openSpoolFile } from './spool-file.ts'

declare const self: Worker

let db: Database | undefined
let path = ''

self.onmessage = ({ data }: MessageEvent<string | Batch>) => {
  if (typeof data === 'string') {
    path = data
    return
  }
  let done: Done
  try {
    db ??= openSpoolFile(path)
    done = commit(db, data)
  } catch (error) {
    done = { error: messageOf(error) }
  }
  self.postMessage(done)
}
