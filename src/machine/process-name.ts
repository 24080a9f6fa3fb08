import { readFileSync } from 'node:fs'

/**
 * A process under the name its user knows, `ocs hub (pid 123)`, instead of the Bun that runs it; for a frozen
 * process also the command that resumes it.
 */
export function processName(pid: number): string {
  const frozen = isFrozen(pid) ? `, frozen: kill -CONT ${pid} resumes it` : ''
  return `${nameOf(commandOf(pid))} (pid ${pid}${frozen})`
}

/**
 * Whether a process has been stopped by a signal (SIGSTOP, Ctrl-Z) or a debugger, by proc_pid_stat(5); false
 * if the system does not tell.
 */
export function isFrozen(pid: number): boolean {
  try {
    // The process's name, in brackets, may contain any characters.
    const [, after = ''] = /\)\s+(\S)[^)]*$/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? []
    return after === 'T' || after === 't'
  } catch {
    return false
  }
}

function commandOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      .split('\0')
      .filter((word) => word !== '')
  } catch {
    // Ended in the meantime, or another user's.
    return []
  }
}

function nameOf(words: readonly string[]): string {
  const at = words.findIndex(
    (word, nth) =>
      /\/bin\/ocs\.[jt]s$/.test(word) || (nth === 0 && /(?:^|\/)ocs(?:-[\d.]+-linux-\w+)?$/.test(word)),
  )
  if (at >= 0) return ['ocs', ...words.slice(at + 1, at + 2)].join(' ')
  return words[0]?.split('/').at(-1) ?? 'a process'
}
