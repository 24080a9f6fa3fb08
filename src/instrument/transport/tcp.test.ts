import { expect, test } from 'bun:test'
import { UNHURRIED_MS } from '../../../test/turns-clock.ts'
import { TransportError } from '../../core/errors.ts'
import { serve } from './server.test-aid.ts'
import { openTcp } from './tcp.ts'

const error = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error('no error'),
    (reason) => reason as Error,
  )

test('bytes go both ways, and a close is not a loss', async () => {
  const fake = await serve((command) => `${command} to you\r\n`)
  const transport = await openTcp('127.0.0.1', fake.port)
  let lost = false
  transport.onClose(() => {
    lost = true
  })
  const reply = new Promise<string>((resolve) =>
    transport.onData((bytes) => resolve(Buffer.from(bytes).toString())),
  )
  await transport.write(Buffer.from('hello\r\n'))
  expect(await reply).toBe('hello to you\r\n')
  await transport.close()
  await transport.close()
  expect(await error(transport.write(Buffer.from('x')))).toBeInstanceOf(TransportError)
  await fake.close()
  expect(lost).toBe(false)
})

test('a lost connection is told once, to a late listener too', async () => {
  const fake = await serve(() => '')
  const transport = await openTcp('127.0.0.1', fake.port)
  const first = new Promise<Error>((resolve) => transport.onClose(resolve))
  fake.cut()
  const reason = await first
  expect(reason).toBeInstanceOf(TransportError)
  expect(reason.message).toContain(`127.0.0.1:${fake.port}: it closed the connection`)
  expect(await new Promise<Error>((resolve) => transport.onClose(resolve))).toBe(reason)
  await transport.close()
  await fake.close()
})

test('a refusal says what an instrument refuses for', async () => {
  const fake = await serve(() => '')
  await fake.close()
  const refused = await error(openTcp('127.0.0.1', fake.port))
  expect(refused).toBeInstanceOf(TransportError)
  expect(refused.message).toContain(
    `127.0.0.1:${fake.port}: connection refused, or no way to it: is the cable in, and the address right?`,
  )
  // Trying again is cheap, so after plugging in nobody has to wait.
  expect((refused as TransportError).retryMs).toBe(1000)
})

test('a host that stays silent is given up by our own timer', async () => {
  // A full backlog leaves the next connection unanswered, like a host that is switched off.
  const child = Bun.spawn(
    [
      'python3',
      '-c',
      'import socket,sys\ns=socket.socket();s.bind(("127.0.0.1",0));s.listen(0)\nprint(s.getsockname()[1],flush=True);sys.stdin.read()',
    ],
    { stdin: 'pipe', stdout: 'pipe' },
  )
  const port = Number(new TextDecoder().decode((await child.stdout.getReader().read()).value))
  const first = await openTcp('127.0.0.1', port, { connectTimeout: UNHURRIED_MS })
  const second = await error(openTcp('127.0.0.1', port, { connectTimeout: 200 }))
  expect(second.message).toBe(
    `no answer from 127.0.0.1:${port} in 0.2 s: is the instrument on, and its address right?`,
  )
  expect((second as TransportError).retryMs).toBe(1000)
  const stopped = openTcp('127.0.0.1', port, { signal: AbortSignal.timeout(20) })
  expect((await error(stopped)).message).toBe(`127.0.0.1:${port}: stopped while connecting`)
  await first.close()
  await child.stdin.end()
  await child.exited
})
