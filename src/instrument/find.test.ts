import { afterEach, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UNHURRIED_MS } from '../../test/turns-clock.ts'
import { TransportError } from '../core/errors.ts'
import { type FindOptions, findSerial, serialNumberOf } from './find.ts'
import { openPty, type Pty } from './transport/pty.test-aid.ts'

const ptys: Pty[] = []
afterEach(async () => {
  for (const pty of ptys.splice(0)) await pty.unplug()
})
/** Creates an instrument with this serial number; returns its path. */
function instrument(serialNumber: string): string {
  const pty = openPty((line, { write }) => {
    if (line === '*IDN?') write(`LSCI,MODEL240-8P,${serialNumber},1.0\r\n`)
  })
  ptys.push(pty)
  return pty.path
}
/** An empty folder in place of /dev. */
function devices(): string {
  const dev = mkdtempSync(join(tmpdir(), 'dev-'))
  mkdirSync(join(dev, 'serial/by-id'), { recursive: true })
  return dev
}
const find = (serialNumber: string, options: FindOptions) =>
  findSerial(serialNumber, { timeout: UNHURRIED_MS, ...options })
const error = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error('no error'),
    (reason) => reason as Error,
  )

test('an instrument is found by name, by identifier and by glob', async () => {
  const dev = devices()
  const path = instrument('LSA21OQ/opt')
  const link = join(dev, 'ttyTHERM')
  symlinkSync(path, link)
  const found = { url: link, idn: 'LSCI,MODEL240-8P,LSA21OQ/opt,1.0' }
  symlinkSync(instrument('OTHER'), join(dev, 'ttyA'))
  expect(await find('LSA21OQ', { dev, globs: `/nowhere*,${dev}/ttyA:${dev}/tty*` })).toEqual(found)
  const byId = join(dev, 'serial/by-id/usb-LSA21OQ-if00')
  symlinkSync(path, byId)
  expect(await find('LSA21OQ', { dev, globs: '' })).toEqual({ ...found, url: byId })
  symlinkSync(path, join(dev, 'LSA21OQ'))
  expect(await find('lsa21oq', { dev, port: link })).toEqual(found)
  expect((await find('LSA21OQ', { dev, globs: '' })).url).toBe(join(dev, 'LSA21OQ'))
})

test('every port tried is named with its reason', async () => {
  const dev = devices()
  symlinkSync(instrument('OTHER'), join(dev, 'ttyA'))
  writeFileSync(join(dev, 'ttyB'), '')
  const missing = await error(find('LSA21OQ', { dev, globs: `${dev}/tty*` }))
  expect(missing).toBeInstanceOf(TransportError)
  expect(missing.message).toBe(
    `no instrument with serial number LSA21OQ among the ports tried:
  ${dev}/ttyA: serial number OTHER, not LSA21OQ (LSCI,MODEL240-8P,OTHER,1.0)
  ${dev}/ttyB is not a serial port`,
  )
  const nothing = await error(find('LSA21OQ', { dev: devices(), globs: '' }))
  expect(nothing.message).toContain('/LSA21OQ, ')
  expect(nothing.message).toContain('OCS_SERIAL_PORTS (not set): is it plugged in and on? Or name its port')
})

test('an explicit port is the only one asked, and a wrong number names both', async () => {
  const dev = devices()
  const other = instrument('OTHER')
  symlinkSync(instrument('LSA21OQ'), join(dev, 'LSA21OQ'))
  expect((await error(find('LSA21OQ', { dev, port: other }))).message).toBe(
    `${other}: serial number OTHER, not LSA21OQ (LSCI,MODEL240-8P,OTHER,1.0)`,
  )
})

test('a device with two names is asked once', async () => {
  const dev = devices()
  const path = instrument('OTHER')
  symlinkSync(path, join(dev, 'ttyA'))
  symlinkSync(path, join(dev, 'ttyB'))
  const { message } = await error(find('LSA21OQ', { dev, globs: `${dev}/tty*` }))
  expect(message.match(/serial number OTHER/g)).toHaveLength(1)
})

test('the serial number is the third field without its option', () => {
  expect(serialNumberOf('LSCI,MODEL372,LSA23JD/3062,1.3')).toBe('LSA23JD')
  expect(serialNumberOf('nonsense')).toBe('')
})

test('a port that is missing is worth another look soon; one with another instrument is not', async () => {
  const dev = devices()
  const retryMs = async (port?: string) => {
    const failed = await error(find('LSA21OQ', { dev, globs: '', ...(port && { port }) }))
    return (failed as TransportError).retryMs
  }
  expect([await retryMs(), await retryMs(join(dev, 'ttyX'))]).toEqual([500, 500])
  expect(await retryMs(instrument('OTHER'))).toBeUndefined()
})
