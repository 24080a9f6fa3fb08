import { createServer, type Socket } from 'node:net'

/** An instrument on TCP whose every reply is decided by the test. */
export interface FakeInstrument {
  readonly port: number
  readonly url: string
  /** Each received line, in order. */
  readonly heard: string[]
  /** Resets every connection. */
  cut(): void
  close(): Promise<void>
}

export const idn = 'LSCI,MODEL240-8P,LSA21OQ,1.0'

/**
 * Listens on a free port. `answer` returns the exact reply to a command; `*IDN?` is answered unless `answer`
 * does so.
 */
export async function serve(
  answer: (command: string, socket: Socket) => string | undefined,
): Promise<FakeInstrument> {
  const heard: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.setNoDelay(true))
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    let begun = ''
    socket.on('data', (bytes) => {
      const lines = (begun + bytes.toString('latin1')).split('\n')
      begun = lines.pop() ?? ''
      for (const line of lines.map((text) => text.trim())) {
        heard.push(line)
        const reply = answer(line, socket) ?? (line === '*IDN?' ? `${idn}\r\n` : undefined)
        if (reply) socket.write(Buffer.from(reply, 'latin1'))
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  return {
    port,
    url: `tcp://127.0.0.1:${port}`,
    heard,
    cut,
    close: () =>
      new Promise((resolve) => {
        cut()
        server.close(() => resolve())
      }),
  }
}
