import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import { S3Client } from 'bun'
import { type Lab, until } from './roles.ts'

/** The S3 port of seaweedfs. */
const PORT = 8333
export const BUCKET = 'lab'
export const KEYS = { AWS_ACCESS_KEY_ID: 'AKLAB', AWS_SECRET_ACCESS_KEY: 'four-kelvin' }

/** A real S3 server with a bucket, and the bucket's content. */
export interface Weed {
  readonly endpoint: string
  /** Keys with a prefix. */
  list(prefix: string): Promise<string[]>
  sha256(key: string): Promise<string>
  get(key: string): Promise<Uint8Array>
  put(key: string, bytes: Uint8Array): Promise<void>
  remove(key: string): Promise<void>
}

/**
 * Starts seaweedfs on its usual ports, with all its files in the lab's folder, and waits until it has a
 * bucket.
 */
export async function weed(lab: Lab): Promise<Weed> {
  const program = process.env['OCS_WEED'] ?? ''
  if (program === '') throw new Error('OCS_WEED has to name the weed of seaweedfs')
  mkdirSync(lab.path('weed'))
  const credentials = [{ accessKey: KEYS.AWS_ACCESS_KEY_ID, secretKey: KEYS.AWS_SECRET_ACCESS_KEY }]
  const identities = [{ name: 'lab', credentials, actions: ['Admin', 'Read', 'Write', 'List'] }]
  writeFileSync(lab.path('s3.json'), JSON.stringify({ identities }))
  const args = [
    'server',
    '-ip=127.0.0.1',
    `-dir=${lab.path('weed')}`,
    '-s3',
    `-s3.config=${lab.path('s3.json')}`,
  ]
  const running = lab.program('weed', [program, ...args, '-volume.max=50', '-master.volumeSizeLimitMB=64'])
  const endpoint = `http://127.0.0.1:${PORT}`
  const client = new S3Client({
    ...{ accessKeyId: KEYS.AWS_ACCESS_KEY_ID, secretAccessKey: KEYS.AWS_SECRET_ACCESS_KEY },
    ...{ endpoint, bucket: BUCKET },
  })
  await until('seaweedfs takes a file', 90, async () => {
    if (running.end) throw new Error(`weed has ended:\n${running.tail()}`)
    const shell = lab.program('weed-shell', [program, 'shell', '-master=127.0.0.1:9333'])
    shell.write(`s3.bucket.create -name ${BUCKET}\nexit\n`)
    shell.endInput()
    await shell.ended(30)
    return await client.write('probe', 'x').then(
      () => true,
      () => false,
    )
  })
  await client.delete('probe')
  const get = (key: string) => client.file(key).bytes()
  return {
    endpoint,
    get,
    list: async (prefix) => ((await client.list({ prefix })).contents ?? []).map(({ key }) => key).sort(),
    sha256: async (key) =>
      createHash('sha256')
        .update(await get(key))
        .digest('hex'),
    put: async (key, bytes) => void (await client.write(key, bytes)),
    remove: (key) => client.delete(key),
  }
}

/** A request as seen by a proxy: its number, its method, and whether its answer is coming. */
export interface Step {
  readonly number: number
  readonly method: string
  readonly path: string
  readonly side: 'request' | 'answer'
}

/** A proxy in front of an S3 server that sees the beginning of each request and answer, and may cut any. */
export class Between implements AsyncDisposable {
  readonly #server = createServer((client) => this.#carry(client))
  readonly #to: number
  readonly #sockets = new Set<Socket>()
  #requests = 0
  /** Called before it is passed on; true cuts the connection there. */
  onStep: (step: Step) => boolean | Promise<boolean> = () => false
  /** Bytes of an answer to a GET of data after which the connection is cut. */
  cutAfter = Infinity

  constructor(to = PORT) {
    this.#to = to
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const { port } = this.#server.address() as { port: number }
    return `http://127.0.0.1:${port}`
  }

  #carry(client: Socket): void {
    const upstream = createConnection(this.#to, '127.0.0.1')
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    let current: Omit<Step, 'side'> = { number: 0, method: '', path: '' }
    let answered = 0
    let last = Promise.resolve()
    const pass = (from: Socket, to: Socket, before: (chunk: Buffer) => boolean | Promise<boolean>) =>
      from.on('data', (chunk: Buffer) => {
        last = last.then(async () => {
          if (await before(chunk)) from.destroy()
          else to.write(chunk)
        })
      })
    pass(client, upstream, (chunk) => {
      const [, method = '', path = ''] =
        /^(GET|PUT|POST|DELETE|HEAD) (\S+) HTTP/.exec(chunk.toString('latin1')) ?? []
      if (method === '') return false
      answered = 0
      current = { number: ++this.#requests, method, path: path.split('?')[0] ?? '' }
      return this.onStep({ ...current, side: 'request' })
    })
    pass(upstream, client, async (chunk) => {
      const isFirst = answered === 0
      answered += chunk.length
      if (isFirst && (await this.onStep({ ...current, side: 'answer' }))) return true
      return current.method === 'GET' && /\/\d+\/\d+\.g3$/.test(current.path) && answered > this.cutAfter
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
