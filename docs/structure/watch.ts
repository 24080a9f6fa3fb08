/**
 * Preloaded into a thread: counts how often each piece of the program is executed, between one look and the next.
 * Needs nothing of `src`, so that it is the same before and after its files move.
 */
import { Session } from 'node:inspector'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'

/** A piece of a file, by places in its text, and how often it was executed; the smaller ones are more exact. */
type Piece = readonly [start: number, end: number, times: number]
/** What one thread has executed, by file. */
export type Executed = Readonly<Record<string, readonly Piece[]>>

interface Coverage {
  readonly result: readonly {
    readonly url: string
    readonly functions: readonly {
      readonly ranges: readonly { startOffset: number; endOffset: number; count: number }[]
    }[]
  }[]
}

const ROOT = `${join(import.meta.dir, '..', '..')}/`
const session = new Session()
session.connect()
session.post('Profiler.enable')
session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })

/** What this thread has executed of `src` since it was last asked. */
export function look(): Promise<Executed> {
  return new Promise((resolve, reject) =>
    session.post('Profiler.takePreciseCoverage', (error, found) => {
      if (error) return reject(error)
      const { result } = found as Coverage
      const files = result.flatMap(({ url, functions }) => {
        const file = URL.parse(url)?.pathname.replace(ROOT, '') ?? ''
        const pieces = functions.flatMap(({ ranges }) =>
          ranges.map(({ startOffset, endOffset, count }) => [startOffset, endOffset, count] as const),
        )
        return file.startsWith('src/') ? [[file, pieces] as const] : []
      })
      resolve(Object.fromEntries(files))
    }),
  )
}

if (!isMainThread) {
  const asked = new BroadcastChannel('looks')
  const told = new BroadcastChannel('looked')
  asked.onmessage = async () => told.postMessage(await look())
}
