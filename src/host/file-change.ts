import { type FSWatcher, statSync, watch } from 'node:fs'
import { dirname } from 'node:path'

/** Milliseconds between checks of the files: not every file system reports changes. */
const POLL_MS = 2000
/** Milliseconds of quiet after which a file being written counts as complete. */
const QUIET_MS = 200

/**
 * Calls back, one call at a time, after files have changed, also when an editor has replaced them.
 * @param files the paths, asked for at each check: the contents of a file may name others
 * @param changed gets the files that have changed since the last call
 */
export function onFileChange(
  files: () => readonly string[],
  changed: (files: readonly string[]) => Promise<void>,
): Disposable {
  const seen = new Map(files().map((file) => [file, signature(file)]))
  const watchers = new Map<string, FSWatcher | undefined>()
  const pending = new Set<string>()
  let quiet: Timer | undefined
  let busy = false
  const look = () => {
    if (busy) return
    follow()
    const other = files().filter((file) => {
      const [was, now] = [seen.get(file), signature(file)]
      seen.set(file, now)
      // A file that has just been named has the state in which it was read.
      return was !== undefined && was !== now
    })
    if (other.length === 0) return
    for (const file of other) pending.add(file)
    clearTimeout(quiet)
    quiet = setTimeout(tell, QUIET_MS)
  }
  const tell = () => {
    busy = true
    const all = [...pending]
    pending.clear()
    void changed(all).finally(() => {
      busy = false
      look()
    })
  }
  const follow = () => {
    const folders = new Set(files().map((file) => dirname(file)))
    for (const folder of folders) if (!watchers.has(folder)) watchers.set(folder, watched(folder, look))
    for (const [folder, watcher] of watchers) {
      if (folders.has(folder)) continue
      watcher?.close()
      watchers.delete(folder)
    }
  }
  const poll = setInterval(look, POLL_MS)
  follow()
  return {
    [Symbol.dispose]() {
      clearInterval(poll)
      clearTimeout(quiet)
      for (const watcher of watchers.values()) watcher?.close()
    },
  }
}

/** Watches a folder; undefined if that is impossible: polling then notices changes a little later. */
function watched(folder: string, look: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, look)
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return undefined
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
