import { afterEach, expect, jest, test } from 'bun:test'
import { createServer, type Server, type Socket } from 'node:net'
import { openClient } from './mqtt.ts'
import { fairTimers, Patience, spread } from './patience.ts'

afterEach(() => void jest.useRealTimers())

/** The waits of a patience: seconds of keep-alive, seconds for an answer, seconds of a pause. */
const waits = ({ keepalive, answerMs, pauseMs }: Patience) => [keepalive, answerMs / 1000, pauseMs / 1000]

test('a hub that does not answer is given twice as long each time, and asked half as often, up to a bound', () => {
  const patience = new Patience()
  const seen = Array.from({ length: 7 }, () => {
    const now = waits(patience)
    patience.unanswered()
    return now
  })
  expect(seen).toEqual([
    [5, 5, 0.25],
    [10, 10, 0.5],
    [20, 20, 1],
    [40, 40, 2],
    [40, 40, 4],
    [40, 40, 8],
    [40, 40, 8],
  ])
})

test('one that is not there is soon asked again; one that has let a client in, too', () => {
  const patience = new Patience()
  for (let n = 0; n < 4; n++) patience.unanswered()
  patience.absent()
  expect(patience.pauseMs).toBe(250)
  for (let n = 0; n < 4; n++) patience.unanswered()
  patience.joined(0)
  expect(patience.pauseMs).toBe(250)
})

test('ten minutes of a connection make up for what was late once', () => {
  const patience = new Patience()
  for (let n = 0; n < 3; n++) patience.late()
  patience.joined(1000)
  patience.left(600_000)
  expect(patience.keepalive).toBe(40)
  patience.joined(600_000)
  patience.left(1_800_000)
  expect(patience.keepalive).toBe(10)
  patience.left(9_999_999)
  expect(patience.keepalive).toBe(10)
})

test('pauses of a crowd lie apart', () => {
  expect([0, 0.5, 1].map((chance) => spread(1000, chance))).toEqual([500, 1000, 1500])
})

test('a sign of life is not missed while this process stands still', () => {
  jest.useFakeTimers()
  let now = 0
  let [called, late] = [0, 0]
  const timers = fairTimers(
    () => late++,
    () => now,
  )
  const timer = timers.set(() => called++, 2000)
  const pass = (ms: number) => {
    now += ms
    jest.advanceTimersByTime(2000)
  }
  pass(2000)
  expect([called, late]).toEqual([1, 0])
  pass(3900)
  expect([called, late]).toEqual([1, 1])
  // From then on timers are on time again.
  pass(2000)
  pass(2900)
  expect([called, late]).toEqual([3, 1])
  timers.clear(timer)
  pass(2000)
  expect(called).toBe(3)
})

/** A host that accepts connections and closes each after its first data, and a wait for the number closed. */
async function busyHost(): Promise<{ server: Server; ended: (count: number) => Promise<void> }> {
  let count = 0
  let look = () => {}
  const server = createServer((socket: Socket) => {
    socket.on('error', () => {})
    socket.on('data', () => socket.destroy())
    socket.on('close', () => {
      count++
      look()
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const ended = (wanted: number) =>
    new Promise<void>((resolve) => {
      look = () => count >= wanted && resolve()
      look()
    })
  return { server, ended }
}

test('a client asks a hub that is too busy for it less and less often; one that is not there as before', async () => {
  const { server, ended } = await busyHost()
  const { port } = server.address() as { port: number }
  const { client } = openClient({ url: `mqtt://127.0.0.1:${port}`, client: 'me' })
  client.on('error', () => {})
  const closed = (count: number) =>
    new Promise<void>((resolve) => {
      let left = count
      const look = () => {
        if (--left > 0) return
        client.off('close', look)
        resolve()
      }
      client.on('close', look)
    })
  await Promise.all([ended(3), closed(3)])
  const busy = client.options.reconnectPeriod ?? 0
  expect(busy).toBeGreaterThanOrEqual(0.5 * 250 * 2 ** 3)
  expect(busy).toBeLessThanOrEqual(1.5 * 250 * 2 ** 3)
  expect(client.options.connectTimeout).toBe(20_000)
  server.close()
  await closed(2)
  expect(client.options.reconnectPeriod).toBeLessThanOrEqual(375)
  client.end(true)
})
