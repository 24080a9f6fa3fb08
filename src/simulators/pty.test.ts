import { afterAll, afterEach, expect, test } from 'bun:test'
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError } from '../core/errors.ts'
import { openPty, type Pty } from './pty.ts'

const directory = mkdtempSync(join(tmpdir(), 'pty-'))
afterAll(() => rmSync(directory, { recursive: true }))
const opened: Pty[] = []
afterEach(async () => {
  for (const pty of opened.splice(0)) await pty.close()
})

/** Both ends: a pty that collects what it receives, and a way to open it as a serial port. */
function setUp(link?: string) {
  const received: string[] = []
  const waiting: (() => void)[] = []
  const pty = openPty({
    ...(link === undefined ? {} : { link }),
    onData: (bytes) => {
      received.push(Buffer.from(bytes).toString('latin1'))
      for (const wake of waiting.splice(0)) wake()
    },
  })
  opened.push(pty)
  return {
    pty,
    async receivedText(length: number): Promise<string> {
      while (received.join('').length < length) await new Promise<void>((resolve) => waiting.push(resolve))
      return received.join('')
    },
  }
}

function openPort(path: string) {
  const file = openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK)
  const reader = Bun.file(file).stream().getReader()
  return {
    write: (text: string) => writeSync(file, text, null, 'latin1'),
    async read(length: number): Promise<Buffer> {
      let all = Buffer.alloc(0)
      while (all.length < length) {
        const { done, value } = await reader.read()
        if (done) break
        all = Buffer.concat([all, value])
      }
      return all
    },
    async ended(): Promise<boolean> {
      const { done } = await reader.read().catch(() => ({ done: true }))
      return done
    },
    async close() {
      await reader.cancel().catch(() => {})
      closeSync(file)
    },
  }
}

test('all bytes pass unchanged in both directions, none is echoed', async () => {
  const { pty, receivedText } = setUp()
  const port = openPort(pty.path)
  const all = Uint8Array.from({ length: 256 }, (_, i) => i)
  port.write(Buffer.from(all).toString('latin1'))
  expect(Buffer.from(await receivedText(256), 'latin1')).toEqual(Buffer.from(all))
  pty.write(all)
  expect(await port.read(256)).toEqual(Buffer.from(all))
  await port.close()
})

test('more than the terminal holds waits for the reader, in order', async () => {
  const { pty } = setUp()
  const port = openPort(pty.path)
  const lines = Array.from({ length: 4000 }, (_, i) => `${String(i).padStart(9, '0')}\n`)
  for (const line of lines) pty.write(Buffer.from(line))
  expect((await port.read(40_000)).toString()).toBe(lines.join(''))
  await port.close()
})

test('readers come and go', async () => {
  const { pty, receivedText } = setUp()
  for (let i = 1; i <= 3; i++) {
    const port = openPort(pty.path)
    port.write(`${i}`)
    expect(await receivedText(i)).toEndWith(`${i}`)
    pty.write(Buffer.from('ok'))
    expect((await port.read(2)).toString()).toBe('ok')
    await port.close()
  }
})

test('vanished: the link is gone and the open port ends; come back: the same link works again', async () => {
  const link = join(directory, 'ls240')
  const { pty, receivedText } = setUp(link)
  expect(pty.path).toBe(link)
  const port = openPort(link)
  const ended = port.ended()
  await pty.vanish()
  expect(await ended).toBe(true)
  await port.close()
  expect(existsSync(link)).toBe(false)
  pty.write(Buffer.from('to nobody'))
  pty.comeBack()
  expect(readlinkSync(link)).toStartWith('/dev/pts/')
  const again = openPort(link)
  again.write('x')
  expect(await receivedText(1)).toBe('x')
  await again.close()
  await pty.close()
  expect(existsSync(link)).toBe(false)
})

test('what vanishes leaves no descriptor behind', async () => {
  const descriptors = (): number => readdirSync('/proc/self/fd').length
  const { pty } = setUp()
  await pty.vanish()
  pty.comeBack()
  const before = descriptors()
  for (let i = 0; i < 20; i++) {
    await pty.vanish()
    pty.comeBack()
  }
  // A stream closes its copy of a descriptor in the background, soon after.
  while (descriptors() > before) await new Promise((resolve) => setImmediate(resolve))
})

test('a stale link is replaced, a file is not; only its own link is taken away', async () => {
  const link = join(directory, 'a')
  const { pty: first } = setUp(link)
  const { pty: second } = setUp(link)
  expect(second.path).toBe(first.path)
  const device = readlinkSync(link)
  await first.close()
  first.comeBack()
  expect(readlinkSync(link)).toBe(device)
  writeFileSync(join(directory, 'b'), 'mine')
  expect(() => setUp(join(directory, 'b'))).toThrow(ConfigError)
  expect(await Bun.file(join(directory, 'b')).text()).toBe('mine')
})

const program = join(import.meta.dir, '..', '..', 'bin', 'ocs.ts')
/** A simulator as a separate process, once it has printed something. */
async function simulate(link: string, ...more: string[]) {
  const words = ['sim', 'lakeshore336', '--serial-number=1', `--pty=${link}`, ...more]
  const other = Bun.spawn([process.execPath, '--no-install', program, ...words], { stderr: 'pipe' })
  await other.stderr.getReader().read()
  return other
}
const isThere = (link: string) => lstatSync(link, { throwIfNoEntry: false }) !== undefined

test('a link that another simulator serves is left to it; of one that was killed it is taken over', async () => {
  const link = join(directory, 'served')
  const other = await simulate(link)
  const device = readlinkSync(link)
  expect(() => setUp(link)).toThrow(`${link} is served by another simulator (pid ${other.pid})`)
  expect(readlinkSync(link)).toBe(device)
  other.kill('SIGKILL')
  await other.exited
  expect(setUp(link).pty.path).toBe(link)
  await new Promise(setImmediate)
  expect(readlinkSync(link)).toStartWith('/dev/pts/')
})

test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL'] as const)('after %s a link is gone', async (signal) => {
  const link = join(directory, signal)
  const other = await simulate(link)
  expect(isThere(link)).toBe(true)
  other.kill(signal)
  await other.exited
  // After SIGKILL the guards have to do it, once the kernel has told them.
  while (signal === 'SIGKILL' && isThere(link)) await new Promise((resolve) => setImmediate(resolve))
  expect(isThere(link)).toBe(false)
})

test('a simulator that ends by a mistake leaves no link', async () => {
  const link = join(directory, 'mistake')
  const other = await simulate(link, '--fault=value field=nothing value=1')
  expect(await other.exited).toBe(2)
  expect(isThere(link)).toBe(false)
})
