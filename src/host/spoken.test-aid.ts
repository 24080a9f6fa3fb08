import { createServer } from 'node:net'

/** A free TCP port of 127.0.0.1. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  await new Promise((done) => server.close(done))
  return port
}

/**
 * Reads a process's output; the returned function resolves with all of it once a text has occurred that many
 * times.
 */
export function spoken(from: ReadableStream<Uint8Array>): (text: string, times?: number) => Promise<string> {
  let said = ''
  let look: () => void = () => {}
  void (async () => {
    const decoder = new TextDecoder()
    for await (const chunk of from) {
      said += decoder.decode(chunk, { stream: true })
      look()
    }
  })()
  return (text, times = 1) =>
    new Promise((resolve) => {
      look = () => {
        if (said.split(text).length > times) resolve(said)
      }
      look()
    })
}
