import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readBeneath } from './read-beneath.ts'

let top = ''
let folder = ''
beforeAll(() => {
  top = mkdtempSync('/tmp/ocs-test-')
  folder = join(top, 'files')
  mkdirSync(join(folder, 'curves'), { recursive: true })
  writeFileSync(join(top, 'secret'), 'secret')
  writeFileSync(join(folder, 'curves', 'a.340'), 'curve')
  writeFileSync(join(folder, 'huge'), Buffer.alloc((1 << 20) + 1))
  symlinkSync(join(top, 'secret'), join(folder, 'link'))
  symlinkSync('/', join(folder, 'root'))
  symlinkSync('/dev/zero', join(folder, 'zero'))
  Bun.spawnSync(['mkfifo', join(folder, 'fifo')])
})
afterAll(() => rmSync(top, { recursive: true }))

test('a file beneath the folder is read by either of its names', async () => {
  expect(await readBeneath(folder, 'curves/a.340')).toBe('curve')
  expect(await readBeneath(folder, join(folder, 'curves', 'a.340'))).toBe('curve')
})

test.each([
  '../secret',
  'curves/../../secret',
  'link',
  'root/etc/passwd',
  'root/dev/zero',
  'zero',
  'fifo',
  'huge',
  'curves',
  '.',
  '',
  'none',
  'a\0b',
  '/etc/passwd',
  '/dev/zero',
  '/proc/self/environ',
])('%j is not, and the error tells nothing of it', async (name) => {
  const error = await readBeneath(folder, name).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({
    name: 'OpError',
    message: `${name} is not a readable file of at most 1 MiB in ${folder} (--files-dir)`,
  })
  expect((error as Error).cause).toBeUndefined()
})

test('without a folder nothing is read', async () => {
  await expect(readBeneath(undefined, '/etc/passwd')).rejects.toThrow('no folder for such files is set')
})
