import { afterAll, afterEach, expect, test } from 'bun:test'
import { ownClock } from '../../../test/own-clock.ts'
import { UNHURRIED_MS } from '../../../test/turns-clock.ts'
import { openLine } from './open.ts'
import { type FakeInstrument, serve } from './server.test-aid.ts'

const options = { quiet: 1, gap: 0, timeout: UNHURRIED_MS }
const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())
let fake: FakeInstrument | undefined
afterEach(() => fake?.close())

/**
 * A controller whose devices answer when they are read, after some ms if slow; they identify themselves at
 * once.
 */
async function controller(devices: Record<number, (command: string) => string | undefined>, slow = 0) {
  let address = 0
  let due: string | undefined
  fake = await serve((line, socket) => {
    if (line.startsWith('++addr ')) address = Number(line.slice(7))
    else if (line === '++read eoi') {
      const reply = due
      due = undefined
      if (slow === 0 || reply?.startsWith('ACME')) return reply
      setTimeout(() => reply && socket.write(reply), slow)
    } else if (!line.startsWith('++')) due = devices[address]?.(line)
    // An empty answer, so that *IDN? does not disturb the test.
    return ''
  })
  return fake
}

const source = (name: string) => (command: string) =>
  command === '*IDN?' ? `ACME,${name},1,1\n\n` : command.endsWith('?') ? `${name} ${command}\n\n` : undefined

test('each command goes to its device, and is followed by a read when it asks', async () => {
  const { port, heard } = await controller({ 5: source('five') })
  const link = await openLine(`prologix://127.0.0.1:${port}/5`, options)
  expect(link.identity).toBe('ACME,five,1,1')
  expect(await link.query('VOLT?')).toBe('five VOLT?')
  await link.send('VOLT +5')
  expect(await link.query('CURR?')).toBe('five CURR?')
  expect(heard.filter((line) => line.startsWith('++')).slice(0, 4)).toEqual([
    '++savecfg 0',
    '++mode 1',
    '++auto 0',
    '++eoi 1',
  ])
  const own = heard.slice(heard.indexOf('VOLT?') - 1)
  const expected = [
    '++addr 5',
    'VOLT?',
    '++read eoi',
    '++addr 5',
    'VOLT \x1b+5',
    '++addr 5',
    'CURR?',
    '++read eoi',
  ]
  expect(own).toEqual(expected)
  await link.close()
})

test('devices of one bus share its connection, and none takes the other’s reply', async () => {
  const { port } = await controller({ 5: source('five'), 6: source('six') })
  const [five, six] = await Promise.all([
    openLine(`prologix://127.0.0.1:${port}/5`, options),
    openLine(`prologix://127.0.0.1:${port}/6`, options),
  ])
  const asked = Array.from({ length: 20 }, (_, i) => [five.query(`A${i}?`), six.query(`B${i}?`)]).flat()
  const replies = await Promise.all(asked)
  expect(replies).toEqual(Array.from({ length: 20 }, (_, i) => [`five A${i}?`, `six B${i}?`]).flat())
  await five.close()
  expect(await six.query('C?')).toBe('six C?')
  await six.close()
})

test('a device that is off keeps nobody else from the bus', async () => {
  const { port } = await controller({ 5: source('five') })
  const five = await openLine(`prologix://127.0.0.1:${port}/5`, options)
  const off = openLine(`prologix://127.0.0.1:${port}/7`, { ...options, timeout: 300 })
  const [replies] = await Promise.all([
    Promise.all(['A?', 'B?', 'C?'].map((command) => five.query(command))),
    expect(off).rejects.toThrow('GPIB 7: no answer to *IDN?'),
  ])
  expect(replies).toEqual(['five A?', 'five B?', 'five C?'])
  await five.close()
})

test('a device that was given up takes no reply from another later on', async () => {
  const { port, heard } = await controller({ 5: source('five') }, 800)
  const five = await openLine(`prologix://127.0.0.1:${port}/5`, options)
  // It asks three times, and releases the bus before the controller itself would have given up.
  const off = openLine(`prologix://127.0.0.1:${port}/7`, { ...options, timeout: 300 })
  while (!heard.includes('++addr 7')) await new Promise((resolve) => setImmediate(resolve))
  const reply = five.query('A?', { timeout: 5000 })
  await expect(off).rejects.toThrow('GPIB 7: no answer to *IDN?')
  expect(await reply).toBe('five A?')
  await five.close()
})

test('a device whose opening is stopped takes no other with it', async () => {
  const { port } = await controller({ 5: source('five'), 6: source('six') })
  const options = { quiet: 1, gap: 0 }
  const stop = new AbortController()
  const five = openLine(`prologix://127.0.0.1:${port}/5`, { ...options, signal: stop.signal })
  const six = openLine(`prologix://127.0.0.1:${port}/6`, options)
  stop.abort()
  await expect(five).rejects.toThrow('GPIB 5: stopped while connecting')
  expect(await (await six).query('A?')).toBe('six A?')
  await (await six).close()
})

test('a lost controller is told to all its devices', async () => {
  const { port, cut } = await controller({ 5: source('five'), 6: source('six') })
  const links = await Promise.all([5, 6].map((at) => openLine(`prologix://127.0.0.1:${port}/${at}`, options)))
  const lost = links.map(
    ({ closed }) =>
      new Promise((resolve) => closed.addEventListener('abort', () => resolve(closed.reason.message))),
  )
  cut()
  for (const reason of await Promise.all(lost)) expect(reason).toContain('closed the connection')
  for (const link of links) await link.close()
  const again = await openLine(`prologix://127.0.0.1:${port}/5`, options)
  expect(await again.query('A?')).toBe('five A?')
  await again.close()
})
