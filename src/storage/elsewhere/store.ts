/** A place for the files of a data directory, under the same paths as there. */
export interface Store {
  /** Its name in the manifest and in messages: `s3://bucket/prefix`. */
  readonly url: string
  /** The server of the bucket, if not AWS. */
  readonly endpoint?: string | undefined
  /**
   * Uploads a file, replacing any file with the same path.
   * @throws ConfigError if the store refuses it: no such bucket, or the credentials are not accepted
   * @throws TransportError if it does not answer; trying again may help
   */
  put(file: StoredFile, signal: AbortSignal): Promise<void>
  /**
   * The bytes of a file there, in pieces; undefined if there is none with this path. @throws as `put`, also
   * during reading
   */
  read(path: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined>
}

/** A file to be stored: its location and content. */
export interface StoredFile {
  readonly dir: string
  readonly path: string
  readonly bytes: Uint8Array
}

/** A file that tells which data directory a store belongs to; written before the first data file. */
export const MARK = '.ocs/store.json'
