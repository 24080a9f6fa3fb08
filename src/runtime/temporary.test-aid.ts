import { afterEach } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folders: string[] = []
afterEach(() => {
  for (const path of folders.splice(0)) rmSync(path, { recursive: true })
})

/** A path in a new folder that is gone after the test. */
export function temporary(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'ocs-test-'))
  folders.push(folder)
  return join(folder, name)
}
