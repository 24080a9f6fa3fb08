import { afterAll, afterEach, expect, test } from 'bun:test'
import { once } from 'node:events'
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, UsageError } from '../core/errors.ts'
import { simulators } from './index.ts'
import type { Simulator, SimulatorOptions } from './simulator.ts'

const directory = mkdtempSync(join(tmpdir(), 'sim-'))
afterAll(() => rmSync(directory, { recursive: true }))
const running: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of running.splice(0).reverse()) await stop()
})

async function start(name: string, options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  const link = options.pty === undefined && options.tcp === undefined ? { tcp: '127.0.0.1:0' } : {}
  const simulator = await simulators[name]?.start({ serialNumber: 'LSA22YG', ...link, ...options })
  if (!simulator) throw new Error(`no simulator ${name}`)
  running.push(() => simulator.close())
  return simulator
}

/** Collects bytes; `until` returns everything since the last call up to and including a text. */
function collector() {
  let bytes = ''
  let wake = (): void => {}
  return {
    push(more: Uint8Array) {
      bytes += Buffer.from(more).toString('latin1')
      wake()
    },
    async until(end: string): Promise<string> {
      while (!bytes.includes(end)) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      const at = bytes.indexOf(end) + end.length
      const taken = bytes.slice(0, at)
      bytes = bytes.slice(at)
      return taken
    },
  }
}

async function openTcp(url: string) {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const input = collector()
  socket.on('data', (chunk) => input.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk))
  const closed = new Promise<string>((resolve) => {
    let how = 'end'
    socket.on('error', (error: NodeJS.ErrnoException) => {
      how = error.code ?? 'error'
    })
    socket.on('close', () => resolve(how))
  })
  running.push(() => socket.destroy())
  await once(socket, 'connect')
  const send = (text: string): void => void socket.write(text)
  const ask = async (line: string): Promise<string> => {
    send(`${line}\n`)
    return input.until('\r\n')
  }
  return { send, ask, until: input.until, closed, socket }
}

test('LF, CRLF, empty lines and split lines are all understood; replies end in CRLF', async () => {
  const client = await openTcp((await start('lakeshore372')).url)
  client.send('\n\r\n\n*OPC?\nSCAN?\r\n*O')
  expect(await client.until('1\r\n')).toBe('1\r\n')
  expect(await client.until('\r\n')).toBe('01,1\r\n')
  client.send('PC?\n')
  expect(await client.until('\r\n')).toBe('1\r\n')
})

test('the 372 takes two connections; a third is reset and the two go on; a place freed can be taken', async () => {
  const { url } = await start('lakeshore372')
  const first = await openTcp(url)
  const second = await openTcp(url)
  expect(await first.ask('*OPC?')).toBe('1\r\n')
  expect(await second.ask('*OPC?')).toBe('1\r\n')
  const third = await openTcp(url)
  expect(['ECONNRESET', 'end']).toContain(await third.closed)
  expect(await first.ask('*OPC?')).toBe('1\r\n')
  second.socket.destroy()
  await second.closed
  let answer: string | undefined
  while (answer === undefined) {
    const fourth = await openTcp(url)
    answer = await Promise.race([fourth.ask('*OPC?'), fourth.closed.then(() => undefined)])
  }
  expect(answer).toBe('1\r\n')
})

test('an endless line is thrown away whole', async () => {
  const client = await openTcp((await start('lakeshore372')).url)
  client.send('x'.repeat(100_000))
  client.send('\nSCAN?\n')
  expect(await client.until('\r\n')).toBe('01,1\r\n')
  expect(await client.ask('*ESR?')).toBe('128\r\n')
})

test('a 240 on a pseudo-terminal answers as on TCP', async () => {
  const link = join(directory, 'ls240')
  const simulator = await start('lakeshore240', { pty: link })
  expect(simulator.url).toBe(`serial:${link}`)
  const file = openSync(link, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK)
  const reader = Bun.file(file).stream().getReader()
  writeSync(file, '\n*IDN?\nKRDG? 1\n')
  let text = ''
  while (text.split('\r\n').length < 3)
    text += Buffer.from((await reader.read()).value ?? []).toString('latin1')
  expect(text).toMatch(/^LSCI,MODEL240-8P,LSA22YG,1\.3\r\n\+3\.\d{5}\r\n$/)
  await reader.cancel()
  closeSync(file)
})

test('faults of single replies', async () => {
  const { url, faults } = await start('lakeshore372')
  const client = await openTcp(url)
  faults.inject({ kind: 'missing' })
  client.send('SCAN?\n*OPC?\n')
  expect(await client.until('\r\n')).toBe('1\r\n')

  faults.inject({ kind: 'duplicate' })
  client.send('SCAN?\n*OPC?\n')
  expect(await client.until('\r\n')).toBe('01,1\r\n')
  expect(await client.until('\r\n')).toBe('01,1\r\n')
  expect(await client.until('\r\n')).toBe('1\r\n')

  faults.inject({ kind: 'half-line' })
  client.send('SCAN?\n*OPC?\n')
  expect(await client.until('\r\n')).toBe('011\r\n')

  faults.inject({ kind: 'nul' })
  expect(await client.ask('SCAN?')).toBe('\0\0\x0001,1\r\n')

  faults.inject({ kind: 'garbage' })
  const noise = await client.ask('SCAN?')
  expect(noise).not.toContain('01,1')
  expect(noise.length).toBeGreaterThan(2)

  faults.inject({ kind: 'split', ms: 20 }, { times: 3 })
  for (let i = 0; i < 4; i++) expect(await client.ask('SCAN?')).toBe('01,1\r\n')

  faults.inject({ kind: 'delay', ms: 20 })
  const before = performance.now()
  client.send('SCAN?\n*OPC?\n')
  expect(await client.until('\r\n')).toBe('01,1\r\n')
  expect(performance.now() - before).toBeGreaterThanOrEqual(19)
  expect(await client.until('\r\n')).toBe('1\r\n')
})

test('a hanging instrument obeys and does not answer, until cleared', async () => {
  let heard = (): void => {}
  const now = (): number => {
    heard()
    return 1_700_000_000
  }
  const { url, faults } = await start('lakeshore372', { now })
  const client = await openTcp(url)
  faults.inject({ kind: 'hang' })
  const taken = new Promise<void>((resolve) => {
    heard = resolve
  })
  client.send('STILL 33;*IDN?\n')
  await taken
  faults.clear('hang')
  expect(await client.ask('STILL?')).toBe('+33.00\r\n')
})

test('another serial number, until cleared', async () => {
  const { url, faults } = await start('lakeshore372')
  const client = await openTcp(url)
  faults.inject({ kind: 'serial-number', serialNumber: 'OTHER' })
  expect(await client.ask('*IDN?')).toBe('LSCI,MODEL372,OTHER,1.3\r\n')
  faults.clear()
  expect(await client.ask('*IDN?')).toBe('LSCI,MODEL372,LSA22YG,1.3\r\n')
})

test('faults by chance are the same for the same seed', async () => {
  const pattern = async (seed: number): Promise<string> => {
    const { url, faults } = await start('lakeshore372', { seed })
    const client = await openTcp(url)
    faults.inject({ kind: 'duplicate' }, { times: Number.POSITIVE_INFINITY, chance: 0.3 })
    client.send(`${'*OPC?\nSCAN?\n'.repeat(40)}*IDN?\n`)
    return client.until('LSCI')
  }
  const [first, again, other] = [await pattern(1), await pattern(1), await pattern(2)]
  expect(first).toBe(again)
  expect(first).not.toBe(other)
  expect(first.length).toBeGreaterThan('1\r\n01,1\r\n'.length * 40)
})

test('a disconnect resets the readers, and the same address is back', async () => {
  const { url, faults } = await start('lakeshore372')
  const client = await openTcp(url)
  faults.inject({ kind: 'disconnect', ms: 0 })
  client.send('SCAN?\n')
  expect(['ECONNRESET', 'end']).toContain(await client.closed)
  let answer: string | undefined
  while (answer === undefined) {
    answer = await openTcp(url)
      .then((again) => again.ask('*OPC?'))
      .catch(() => undefined)
  }
  expect(answer).toBe('1\r\n')
})

test('an unplugged instrument refuses, plugged in it answers at the same address', async () => {
  const simulator = await start('lakeshore372')
  const client = await openTcp(simulator.url)
  await simulator.unplug()
  await client.closed
  await expect(openTcp(simulator.url)).rejects.toThrow()
  await simulator.plugIn()
  const again = await openTcp(simulator.url)
  expect(await again.ask('*OPC?')).toBe('1\r\n')
})

test('a 240 whose cable is pulled vanishes, and comes back at the same path', async () => {
  const link = join(directory, 'cable')
  const simulator = await start('lakeshore240', { pty: link })
  await simulator.unplug()
  expect(existsSync(link)).toBe(false)
  await simulator.plugIn()
  const file = openSync(link, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK)
  const reader = Bun.file(file).stream().getReader()
  writeSync(file, '*IDN?\n')
  expect(Buffer.from((await reader.read()).value ?? []).toString()).toStartWith('LSCI,MODEL240')
  await reader.cancel()
  closeSync(file)
})

test('the truth log holds exactly the readings that were sent whole', async () => {
  const truth = join(directory, 'truth.jsonl')
  const { url, faults } = await start('lakeshore372', { truth, counter: true, now: () => 1_700_000_000.5 })
  const client = await openTcp(url)
  expect(await client.ask('SCAN?;RDGK? 3;RDGR? 3')).toBe('01,1;+1;+2\r\n')
  faults.inject({ kind: 'missing' })
  client.send('RDGK? A\n')
  faults.inject({ kind: 'half-line' })
  client.send('RDGK? A\n')
  expect(await client.ask('RDGK? A')).toEndWith('+5\r\n')
  const t = 1_700_000_000.5
  expect(
    readFileSync(truth, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual([
    { t, channel: 3, quantity: 'kelvin', value: 1 },
    { t, channel: 3, quantity: 'sensor', value: 2 },
    { t, channel: 'A', quantity: 'kelvin', value: 5 },
  ])
})

test('the truth log has the time before a reply began to be sent', async () => {
  const truth = join(directory, 'times.jsonl')
  let t = 1
  const { url, faults } = await start('lakeshore372', { truth, counter: true, now: () => t })
  const client = await openTcp(url)
  faults.inject({ kind: 'split', ms: 20 })
  client.send('RDGK? A\n')
  // Its first bytes arrive before its last are sent.
  await client.until('+')
  t = 2
  await client.until('\r\n')
  expect(JSON.parse(readFileSync(truth, 'utf8'))).toMatchObject({ t: 1, value: 1 })
})

test('options that cannot be meant are refused', async () => {
  const taken = await start('lakeshore372')
  const address = taken.url.replace('tcp://', '')
  const tried = (options: Partial<SimulatorOptions>) => start('lakeshore372', options)
  await expect(tried({ tcp: address })).rejects.toThrow(ConfigError)
  await expect(tried({ tcp: 'nowhere' })).rejects.toThrow(UsageError)
  await expect(tried({ tcp: '127.0.0.1:0', pty: true })).rejects.toThrow(UsageError)
  await expect(tried({ speed: -2e6 })).rejects.toThrow(UsageError)
  await expect(tried({ serialNumber: 'a,b' })).rejects.toThrow(UsageError)
  await expect(tried({ truth: '/dev/null/x' })).rejects.toThrow(ConfigError)
})
