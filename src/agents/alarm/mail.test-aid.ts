import { SMTPServer } from 'smtp-server'

/** A mail server on loopback that takes everything, and keeps it. */
export interface MailServer extends AsyncDisposable {
  /** `smtp://127.0.0.1:PORT` */
  readonly url: string
  /** What came, headers and all. */
  readonly letters: string[]
  /** Resolves once so many have come. */
  arrived(count: number): Promise<void>
}

/** @param login the one name and password it takes; without, it asks for none */
export async function mailServer(login?: { user: string; password: string }, port = 0): Promise<MailServer> {
  const letters: string[] = []
  let look = () => {}
  const server = new SMTPServer({
    disabledCommands: login ? ['STARTTLS'] : ['AUTH', 'STARTTLS'],
    allowInsecureAuth: true,
    authOptional: !login,
    onAuth: ({ username, password }, _session, done) => {
      if (username === login?.user && password === login?.password) done(null, { user: username })
      else done(new Error('wrong password'))
    },
    onData: (stream, _session, done) => {
      void new Response(stream as unknown as ReadableStream).text().then((text) => {
        letters.push(text)
        done()
        look()
      })
    },
  })
  server.on('error', () => {})
  const listening = server.listen(port, '127.0.0.1')
  await new Promise((resolve) => listening.once('listening', resolve))
  const { port: bound } = listening.address() as { port: number }
  return {
    url: `smtp://127.0.0.1:${bound}`,
    letters,
    arrived: (count) =>
      new Promise((resolve) => {
        look = () => letters.length >= count && resolve()
        look()
      }),
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
