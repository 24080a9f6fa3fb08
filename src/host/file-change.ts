import { type FSWatcher, statSync, watch } from 'node:fs'
import { dirname } from 'node:path'

/** Milliseconds between two looks at the file: not every file system tells of changes. */
const POLL_MS = 2000
/** Milliseconds of quiet after which a file that is being written counts as written. */
const QUIET_MS = 200

/** Calls back, one call at a time, after a file has changed; also when an editor put another in its place. */
export function onFileChange(file: string, changed: () => Promise<void>): Disposable {
  let seen = signature(file)
  let quiet: Timer | undefined
  let busy = false
  const look = () => {
    const now = signature(file)
    if (now === seen || busy) return
    seen = now
    clearTimeout(quiet)
    quiet = setTimeout(() => {
      busy = true
      void changed().finally(() => {
        busy = false
        look()
      })
    }, QUIET_MS)
  }
  const poll = setInterval(look, POLL_MS)
  let watcher: FSWatcher | undefined
  try {
    watcher = watch(dirname(file), look)
    watcher.on('error', () => watcher?.close())
  } catch {
    // The poll sees it, a little later.
  }
  return {
    [Symbol.dispose]() {
      clearInterval(poll)
      clearTimeout(quiet)
      watcher?.close()
    },
  }
}

function signature(file: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(file)
    return `${ino} ${size} ${mtimeMs}`
  } catch {
    return 'gone'
  }
}
