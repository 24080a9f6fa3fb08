import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isLocked, lockFile } from './lock-file.ts'

const taken = (by: string) => `held by ${by}`

test('a lock has one holder, who is named; killed, it leaves none', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lock-'))
  const path = join(folder, 'a.lock')
  const own = lockFile(path, taken)
  // Checking the lock, and failing to get it, does not release it for its holder.
  for (let n = 0; n < 2; n++) expect(() => lockFile(path, taken)).toThrow('held by this process itself')
  const holding = `
    import { lockFile } from ${JSON.stringify(join(import.meta.dir, 'lock-file.ts'))}
    try { lockFile(${JSON.stringify(path)}, (by) => 'held by ' + by); console.log('mine') }
    catch (error) { console.log(error.message) }
    await new Promise((end) => process.stdin.on('data', end))`
  const start = async () => {
    const child = Bun.spawn([process.execPath, '-e', holding], { stdin: 'pipe', stdout: 'pipe' })
    const { value } = await child.stdout.getReader().read()
    return { child, said: new TextDecoder().decode(value).trim() }
  }
  const second = await start()
  expect(second.said).toMatch(new RegExp(`^held by bun.* \\(pid ${process.pid}\\)$`))
  expect(isLocked(path)).toBe(true)
  own.close()
  const third = await start()
  expect(third.said).toBe('mine')
  expect(() => lockFile(path, taken)).toThrow(`(pid ${third.child.pid})`)
  for (const { child } of [second, third]) {
    child.kill('SIGKILL')
    await child.exited
  }
  expect(isLocked(path)).toBe(false)
  rmSync(folder, { recursive: true })
})
