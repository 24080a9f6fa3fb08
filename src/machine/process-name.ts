import { readFileSync } from 'node:fs'

/** A process as its user would know it, `ocs hub (pid 123)`, and not by the Bun that runs it. */
export function processName(pid: number): string {
  return `${nameOf(commandOf(pid))} (pid ${pid})`
}

function commandOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      .split('\0')
      .filter((word) => word !== '')
  } catch {
    // Gone meanwhile, or another user's.
    return []
  }
}

function nameOf(words: readonly string[]): string {
  const at = words.findIndex((word) => word.endsWith('/bin/ocs.ts'))
  if (at >= 0) return ['ocs', ...words.slice(at + 1, at + 2)].join(' ')
  return words[0]?.split('/').at(-1) ?? 'a process'
}
