import { afterEach, expect, test } from 'bun:test'
import { closeSync, constants, openSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { UNHURRIED_MS } from '../../../test/turns-clock.ts'
import { ConfigError } from '../../core/errors.ts'
import { decimal } from '../codec.ts'
import { openLine } from './open.ts'
import { openPty, type Pty } from './pty.test-aid.ts'
import { openError, openSerial } from './serial.ts'
import { idn } from './server.test-aid.ts'
import { baudRate, baudRates } from './termios.ts'

const ptys: Pty[] = []
afterEach(async () => {
  for (const pty of ptys.splice(0)) await pty.unplug()
})
/** A Lake Shore 240 on a pseudo-terminal: ignores empty lines, ends replies with CRLF. */
function instrument(): Pty {
  const pty = openPty((line, { write }) => {
    if (line === '*IDN?') write(`${idn}\r\n`)
    else if (line.endsWith('?') || line.includes('? ')) write('+77.35\r\n')
  })
  ptys.push(pty)
  return pty
}
/** Number of this process's descriptors that lead to a terminal. */
function terminals(): number {
  const leadsToTerminal = (fd: string) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('/dev/pt')
    } catch {
      return false // closed since it was listed
    }
  }
  return readdirSync('/proc/self/fd').filter(leadsToTerminal).length
}
/** Resolves once that many are open: Bun closes a stream's copy on another thread, soon after. */
async function untilTerminals(count: number): Promise<void> {
  while (terminals() !== count) await new Promise((resolve) => setImmediate(resolve))
}
const error = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error('no error'),
    (reason) => reason as Error,
  )
const quick = { gap: 0, quiet: 10, timeout: UNHURRIED_MS }

test('an instrument on a pseudo-terminal is read', async () => {
  const { path } = instrument()
  const link = await openLine(`serial:${path}?baud=57600&bits=7&parity=odd`, quick)
  expect(link.identity).toBe(idn)
  for (let count = 0; count < 500; count++) expect(await link.read('KRDG? 1', decimal.decode)).toBe(77.35)
  await link.close()
})

test('every baud rate is set', async () => {
  const { path } = instrument()
  for (const baud of baudRates) {
    const transport = await openSerial(path, { baud })
    const fd = openSync(path, constants.O_RDWR | constants.O_NOCTTY)
    expect(baudRate(fd)).toBe(baud)
    closeSync(fd)
    await transport.close()
  }
  expect(await error(openSerial(path, { baud: 1234 }))).toBeInstanceOf(ConfigError)
})

test('what an earlier program left unread is not taken for a reply', async () => {
  const pty = instrument()
  pty.write('+1.0\r\n+2.0\r\n')
  const link = await openLine(pty.path, quick)
  expect(await link.query('KRDG? 1')).toBe('+77.35')
  await link.close()
})

test('an unplugged cable is named as what it is', async () => {
  const pty = instrument()
  const link = await openLine(pty.path, quick)
  const gone = error(link.query('A'))
  await pty.unplug()
  expect((await gone).message).toBe(`${pty.path} is gone: was it unplugged, or the instrument switched off?`)
})

test('a port has one reader: the second is told who holds it', async () => {
  const { path } = instrument()
  const held = await openSerial(path)
  expect((await error(openSerial(path))).message).toContain(`${path} is in use by this process itself`)
  await held.close()
  await (await openSerial(path)).close()

  const holder = Bun.spawn(
    [
      process.execPath,
      '-e',
      `import { openSerial } from ${JSON.stringify(join(import.meta.dir, 'serial.ts'))}
      await openSerial(${JSON.stringify(path)}); console.log('open')`,
    ],
    { stdout: 'pipe' },
  )
  await holder.stdout.getReader().read()
  expect((await error(openSerial(path))).message).toMatch(
    new RegExp(`in use by bun.* \\(pid ${holder.pid}\\)`),
  )
  // A killed holder leaves no lock behind.
  holder.kill('SIGKILL')
  await holder.exited
  await (await openSerial(path)).close()
})

test('200 openings leave no descriptor behind, unplugged ones neither', async () => {
  const cycle = async (path: string) => {
    const link = await openLine(path, { ...quick, quiet: 1 })
    expect(await link.read('KRDG? 1', decimal.decode)).toBe(77.35)
    await link.close()
  }
  const pty = instrument()
  await cycle(pty.path)
  const before = 3 // the test's own: two for the instrument's end, one that keeps the port open
  await untilTerminals(before)
  for (let count = 0; count < 200; count++) await cycle(pty.path)
  await untilTerminals(before)

  for (let count = 0; count < 20; count++) {
    const other = instrument()
    const link = await openLine(other.path, { ...quick, quiet: 1 })
    const ended = new Promise((resolve) => link.closed.addEventListener('abort', resolve))
    await other.unplug()
    await ended
    await link.close()
  }
  await untilTerminals(before)
})

test('a process ends once its port is closed', async () => {
  const { path } = instrument()
  const child = Bun.spawn(
    [
      process.execPath,
      '-e',
      `import { openLine } from ${JSON.stringify(join(import.meta.dir, 'open.ts'))}
      const link = await openLine(${JSON.stringify(path)}, { timeout: ${UNHURRIED_MS} }); console.log(await link.query('KRDG? 1')); await link.close()`,
    ],
    { stdout: 'pipe' },
  )
  expect(await child.stdout.text()).toBe('+77.35\n')
  expect(await child.exited).toBe(0)
})

test('a port that cannot be opened says what to do', async () => {
  expect((await error(openSerial('/dev/ttyNOPE'))).message).toContain(
    'no serial port /dev/ttyNOPE: is the cable in',
  )
  expect((await error(openSerial('/dev/null'))).message).toBe('/dev/null is not a serial port')
  expect((await error(openSerial(import.meta.path))).message).toContain('is not a serial port')
  // Root may open anything, so the test makes the error itself.
  const denied = Object.assign(new Error('EACCES'), { code: 'EACCES' })
  expect(openError('/dev/ttyUSB0', denied).message).toBe(
    'no permission to open /dev/ttyUSB0: run sudo usermod -aG dialout $USER, then log in again',
  )
})
