import { type NetworkSink, S3Client } from 'bun'
import { ConfigError, messageOf, TransportError } from '../../core/errors.ts'
import type { AwsSettings } from './aws-settings.ts'
import type { Pace } from './pace.ts'
import { Patience } from './patience.ts'
import type { Store, StoredFile } from './store.ts'

/** Bytes per part of an upload: S3 allows 10,000 parts, of at least 5 MiB except for the last. */
const PART = 8 << 20
/** Seconds for which a signed address of an object is valid. */
const HOLDS = 3600
/** S3's error codes for denied access (docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html). */
const REFUSED = new Set([
  'AccessDenied',
  'AccountProblem',
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidToken',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
])
const NO_BUCKET = new Set(['NoSuchBucket', 'InvalidBucketName', 'PermanentRedirect'])

/** A folder of a bucket, at AWS or any other S3 server. */
export class S3Store implements Store {
  readonly url: string
  readonly endpoint: string
  readonly #client: S3Client
  readonly #bucket: string
  readonly #prefix: string
  readonly #pace: Pace

  /** @param prefix without slashes at its ends; '' for the bucket itself */
  constructor(bucket: string, prefix: string, aws: AwsSettings, pace: Pace) {
    const { accessKeyId, secretAccessKey, sessionToken, region, endpoint } = aws
    this.url = `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`
    this.endpoint = endpoint ?? `https://s3.${region ?? 'us-east-1'}.amazonaws.com`
    this.#bucket = bucket
    this.#prefix = prefix === '' ? '' : `${prefix}/`
    this.#pace = pace
    this.#client = new S3Client({
      ...{ accessKeyId, secretAccessKey, bucket, endpoint: this.endpoint },
      ...(sessionToken !== undefined && { sessionToken }),
      ...(region !== undefined && { region }),
    })
  }

  async put({ path, bytes }: StoredFile, signal: AbortSignal): Promise<void> {
    using patience = new Patience(signal)
    const options = { partSize: PART, queueSize: 1, retry: 2, type: 'application/octet-stream' }
    const file = this.#client.file(this.#prefix + path)
    try {
      if (bytes.length > PART) await this.#putParts(file.writer(options), bytes, patience)
      else {
        await patience.of(file.write(bytes, options))
        await this.#pace.took(bytes.length, signal)
      }
    } catch (error) {
      signal.throwIfAborted()
      throw this.#fault((error as { code?: string }).code ?? '', error)
    }
  }

  async #putParts(writer: NetworkSink, bytes: Uint8Array, patience: Patience): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; at += PART) {
        const part = bytes.subarray(at, at + PART)
        await patience.of(writer.write(part))
        await patience.of(writer.flush())
        await this.#pace.took(part.length, patience.signal)
        patience.heard()
      }
      await patience.of(writer.end())
    } catch (error) {
      // Asks the server to discard the parts; nothing depends on whether it does.
      void Promise.resolve(writer.end(error as Error)).catch(() => {})
      throw error
    }
  }

  async read(path: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined> {
    const patience = new Patience(signal)
    const { found, code, cause } = await this.#get(path, patience)
    if (found) return this.#pieces(found, patience)
    patience[Symbol.dispose]()
    signal.throwIfAborted()
    if (code === 'NoSuchKey') return undefined
    throw this.#fault(code, cause)
  }

  /** The response for an object, or the error code and a message. */
  async #get(path: string, { signal }: Patience) {
    try {
      // A signed address, because Bun's own way of reading takes no signal.
      const url = this.#client.presign(this.#prefix + path, { method: 'GET', expiresIn: HOLDS })
      const response = await fetch(url, { signal })
      if (response.ok && response.body) return { found: response.body }
      const code = /<Code>(\w+)<\/Code>/.exec(await response.text())?.[1] ?? ''
      return { code, cause: new Error(`HTTP ${response.status} ${code}`) }
    } catch (cause) {
      return { code: '', cause }
    }
  }

  async *#pieces(body: AsyncIterable<Uint8Array>, patience: Patience): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of body) {
        await this.#pace.took(piece.length, patience.signal)
        patience.heard()
        yield piece
      }
    } catch (error) {
      const { signal } = patience
      throw signal.aborted && !(signal.reason instanceof TransportError)
        ? signal.reason
        : this.#fault('', error)
    } finally {
      patience[Symbol.dispose]()
    }
  }

  #fault(code: string, cause: unknown): Error {
    const where = `${this.url} at ${this.endpoint}`
    if (NO_BUCKET.has(code)) {
      const what = `there is no bucket ${this.#bucket} (${code}): create it, or choose another`
      return new ConfigError(`${where}: ${what}`, { cause })
    }
    if (REFUSED.has(code)) {
      const what = 'check AWS_ACCESS_KEY_ID and the like, their rights there, and the clock of this machine'
      return new ConfigError(`${where}: refused (${code}): ${what}`, { cause })
    }
    return new TransportError(`${where} does not answer: ${messageOf(cause)}`, { cause })
  }
}
