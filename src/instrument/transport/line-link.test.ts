import { afterEach, beforeEach, expect, test } from 'bun:test'
import { clockByTurns } from '../../../test/turns-clock.ts'
import { TransportError } from '../../core/errors.ts'
import { decimal } from '../codec.ts'
import { type MemoryInstrument, memoryInstrument } from '../memory-instrument.test-aid.ts'
import { LineLink, type LineOptions } from './line-link.ts'
import { idn } from './server.test-aid.ts'

const quick: LineOptions = { gap: 0, quiet: 20 }
const impatient: LineOptions = { ...quick, timeout: 60 }
let clock: Disposable
beforeEach(() => {
  clock = clockByTurns()
})
afterEach(() => clock[Symbol.dispose]())

/** A fake instrument and a link to it. */
async function linked(
  answer: Parameters<typeof memoryInstrument>[0],
  options: LineOptions = {},
): Promise<{ link: LineLink; fake: MemoryInstrument }> {
  const fake = memoryInstrument(answer)
  return { link: await LineLink.open(fake.transport, { ...quick, ...options }), fake }
}
const error = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error('no error'),
    (reason) => reason as Error,
  )

test('a query gives the line that answers it, whatever its line end', async () => {
  const { link } = await linked((command) => ({ 'A?': 'one\r\n', 'B?': 'two\n', 'C?': '\r\n' })[command])
  expect([await link.query('A?'), await link.query('B?'), await link.query('C?')]).toEqual(['one', 'two', ''])
  expect(link.identity).toBe(idn)
})

test('a reply may come in pieces', async () => {
  const { link } = await linked((command, { say }) => {
    if (command !== 'A?') return undefined
    say('+77.')
    setTimeout(say, 5, '35\r')
    setTimeout(say, 10, '\n')
    return undefined
  })
  expect(await link.read('A?', decimal.decode)).toBe(77.35)
})

test('messages keep their distance, commands without reply too', async () => {
  const times: number[] = []
  const { link } = await linked(
    (command) => {
      times.push(performance.now())
      return command.endsWith('?') ? `${idn}\r\n` : undefined
    },
    { gap: 20 },
  )
  await link.send('BRIGT 50')
  await link.query('A?')
  await link.query('B?')
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0))
  expect(gaps).toHaveLength(3)
  for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(20)
})

/** Answers in order, as an instrument does, after the `delay` of each command (ms). */
function inOrder(delay: (command: string) => number): Parameters<typeof memoryInstrument>[0] {
  let busyUntil = 0
  return (command, { say }) => {
    const reply = command === '*IDN?' ? idn : `reply to ${command}`
    busyUntil = Math.max(busyUntil, performance.now()) + delay(command)
    setTimeout(say, busyUntil - performance.now(), `${reply}\r\n`)
    return ''
  }
}

test('an instrument slower than the time-out never gives a wrong answer', async () => {
  let slow = 0
  const { link } = await linked(
    inOrder(() => slow),
    impatient,
  )
  const answered: string[] = []
  for (const delay of [90, 110, 100, 5, 65, 115, 0]) {
    slow = delay
    for (const command of ['A?', 'B?', 'C?']) {
      const reply = await link.query(command).catch(() => undefined)
      if (reply === undefined) continue
      expect(reply).toBe(`reply to ${command}`)
      answered.push(command)
    }
  }
  expect(answered.length).toBeGreaterThan(0)
})

test('after a reply that is refused the instrument is asked who it is, once', async () => {
  const replies = ['LSCI\r\n', '+3.0\r\n', '+4.0\r\n']
  const { link, fake } = await linked((command) => (command === 'A?' ? replies.shift() : undefined))
  expect(await error(link.read('A?', decimal.decode))).toBeInstanceOf(TransportError)
  expect(await link.read('A?', decimal.decode)).toBe(3)
  expect(await link.read('A?', decimal.decode)).toBe(4)
  expect(fake.heard).toEqual(['*IDN?', 'A?', '*IDN?', 'A?', 'A?'])
})

test('a line that nobody asked for puts the link out of step', async () => {
  const { link, fake } = await linked((command) => (command === 'A?' ? '+1.0\r\n' : undefined))
  await link.query('A?')
  fake.say('+9.0\r\n')
  // Bytes that arrive in one turn are examined together, in the next.
  for (let turns = 0; turns < 2; turns++) await new Promise((resolve) => setImmediate(resolve))
  expect(await link.query('A?')).toBe('+1.0')
  expect(fake.heard).toEqual(['*IDN?', 'A?', '*IDN?', 'A?'])
})

test('an instrument that cannot be brought into step is let go, and the queue with it', async () => {
  let dead = false
  const { link, fake } = await linked(() => (dead ? '\0\r\n' : undefined), impatient)
  dead = true
  const ended = new Promise((resolve) => link.closed.addEventListener('abort', resolve))
  const [first, second, third] = await Promise.all(
    ['A?', 'B?', 'C?'].map((command) => error(link.query(command))),
  )
  await ended
  expect(first?.message).toContain('A?: answered with unreadable bytes')
  expect(second?.message).toContain('to *IDN? after a bad reply')
  expect(third).toBe(second as Error)
  expect(link.closed.reason).toBe(second)
  expect(fake.heard).toEqual(['*IDN?', 'A?', '*IDN?', '*IDN?', '*IDN?'])
})

test('another instrument on the same line is not taken for the first', async () => {
  let swapped = false
  const { link } = await linked((command) => {
    if (command === '*IDN?' && swapped) return 'LSCI,MODEL240-2P,OTHER,1.0\r\n'
    return command === 'A?' && swapped ? '\0\r\n' : undefined
  }, impatient)
  swapped = true
  await error(link.query('A?'))
  expect((await error(link.query('A?'))).message).toContain(
    'the answer "LSCI,MODEL240-2P,OTHER,1.0" to *IDN?',
  )
})

test('the first tries to identify may fail', async () => {
  let asked = 0
  const { link } = await linked((command) => (command === '*IDN?' && ++asked < 3 ? '\0junk\r\n' : undefined))
  expect(link.identity).toBe(idn)
  expect(asked).toBe(3)
})

test('an instrument that does not answer is refused with what to look at', async () => {
  const opening = (answer: string, options: LineOptions) =>
    error(LineLink.open(memoryInstrument(() => answer).transport, options))
  expect((await opening('\0\0\r\n', quick)).message).toContain('is it the right one, and are its baud rate')
  expect((await opening('', impatient)).message).toContain('no answer to *IDN?: is the instrument on')
})

test('each exchange is reported', async () => {
  const seen: [string, string][] = []
  const onExchange = (command: string, reply: string | Error, ms: number) => {
    expect(ms).toBeGreaterThanOrEqual(0)
    seen.push([command, reply instanceof Error ? reply.message : reply])
  }
  const { link } = await linked((command) => ({ 'A?': 'yes\r\n' })[command], { onExchange })
  await link.query('A?')
  await link.send('SET 1')
  await error(link.query('N?', { timeout: 20 }))
  expect(seen).toEqual([
    ['A?', 'yes'],
    ['SET 1', ''],
    ['N?', 'fake: N?: no reply in 20 ms'],
  ])
})
