import { appendFileSync, existsSync, readFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { AuditEntry } from '../core/channels.ts'
import { messageOf } from '../core/errors.ts'
import { ownFile } from '../machine/private-file.ts'

/** Bytes of the file; then it becomes the older one of two. */
const MOST_BYTES = 16 * 1024 * 1024

/** Where a hub keeps what was done: the older file and the present one. */
function auditPaths(state: string): readonly [older: string, now: string] {
  return [join(state, 'hub', 'audit.1.jsonl'), join(state, 'hub', 'audit.jsonl')]
}

/** Keeps what was done in a file of this account's alone, a line of JSON each. What cannot be kept is told once. */
export function auditFile(state: string, log: (text: string) => void): (entry: AuditEntry) => void {
  const [older, file] = auditPaths(state)
  let bytes = 0
  let told = false
  return (entry) => {
    const line = `${JSON.stringify(entry)}\n`
    try {
      if (bytes === 0) {
        ownFile(file)
        bytes = statSync(file).size
      }
      if (bytes + line.length > MOST_BYTES) {
        renameSync(file, older)
        ownFile(file)
        bytes = 0
      }
      appendFileSync(file, line, { mode: 0o600 })
      bytes += Buffer.byteLength(line)
      told = false
    } catch (error) {
      if (!told) log(`error: cannot write the audit log ${file}: ${messageOf(error)}`)
      told = true
    }
  }
}

/** What a hub has kept, the oldest first; lines that are none are left out. */
export function readAudit(state: string): AuditEntry[] {
  const text = auditPaths(state).map((file) => (existsSync(file) ? readFileSync(file, 'utf8') : ''))
  return text
    .join('')
    .split('\n')
    .flatMap((line) => {
      try {
        return [AuditEntry.parse(JSON.parse(line))]
      } catch {
        return []
      }
    })
}
