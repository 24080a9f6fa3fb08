/** Imitates an S3 server for files of one part; `test/real/archive-push.check.ts` uses a real one. */
export interface S3Server extends AsyncDisposable {
  readonly endpoint: string
  /** Objects by bucket and key: `lab/hk/17000/1700000000.g3`. */
  readonly objects: Map<string, Uint8Array>
  /** The requests in order: `PUT lab/hk/…`. */
  readonly asked: string[]
  /** May return a response to send instead. */
  hook: (method: string, key: string) => Response | Promise<Response> | undefined
}

export const ENV = { AWS_ACCESS_KEY_ID: 'AKLAB', AWS_SECRET_ACCESS_KEY: 'four-kelvin', HOME: '/nowhere' }

/** An error response in S3's format. */
export function refusal(status: number, code: string): Response {
  return new Response(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`, { status })
}

/** Starts a server with the bucket `lab`, on a port of its own. */
export function s3Server(): S3Server {
  const objects = new Map<string, Uint8Array>()
  const asked: string[] = []
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const key = decodeURIComponent(new URL(request.url).pathname.slice(1))
      asked.push(`${request.method} ${key}`)
      const answer = await made.hook(request.method, key)
      if (answer) return answer
      if (!key.startsWith('lab/')) return refusal(404, 'NoSuchBucket')
      if (request.method === 'PUT') {
        objects.set(key, new Uint8Array(await request.arrayBuffer()))
        return new Response()
      }
      const found = objects.get(key)
      return found ? new Response(found) : refusal(404, 'NoSuchKey')
    },
  })
  const made: S3Server = {
    endpoint: `http://127.0.0.1:${server.port}`,
    objects,
    asked,
    hook: () => undefined,
    [Symbol.asyncDispose]: async () => {
      await server.stop(true)
    },
  }
  return made
}
