import { afterEach, expect, test } from 'bun:test'
import { chownSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { knownOperatorsToken, operatorsPaths, writeOperatorsToken } from './operators-token.ts'

const uid = process.getuid?.() ?? 0
const gid = process.getgid?.() ?? 0
const server = createServer().listen(0, '127.0.0.1')
const { port } = server.address() as { port: number }
const planted = `/tmp/ocs-operators-${uid}-${port}`
afterEach(() => {
  for (const path of [planted, ...operatorsPaths(uid, port)]) rmSync(path, { force: true })
})

test.skipIf(uid !== 0)(
  'who has taken the name of the file before keeps no hub from it, and nobody from reading it',
  () => {
    // A FIFO that nobody writes into holds up whoever opens it to read.
    Bun.spawnSync(['mkfifo', '-m', '666', planted])
    chownSync(planted, 12_345, 12_345)
    expect(knownOperatorsToken(port)).toBeUndefined()
    writeOperatorsToken(port, 'one', gid)
    writeOperatorsToken(port, 'two', gid)
    expect(knownOperatorsToken(port)).toBe('two')
    const [path = '', ...more] = operatorsPaths(uid, port)
    expect([statSync(path).mode & 0o777, more]).toEqual([0o640, []])
  },
)

test('a file that others may write is none, and a FIFO of the account itself holds nobody up', () => {
  writeFileSync(planted, 'x', { mode: 0o666 })
  Bun.spawnSync(['chmod', '666', planted])
  expect(knownOperatorsToken(port)).toBeUndefined()
  rmSync(planted)
  Bun.spawnSync(['mkfifo', '-m', '640', planted])
  expect(knownOperatorsToken(port)).toBeUndefined()
  server.close()
})
