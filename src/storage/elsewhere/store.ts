/** A place where files of a data directory are kept, under the paths that they have in it. */
export interface Store {
  /** As the manifest and messages name it: `s3://bucket/prefix`. */
  readonly url: string
  /** Where the bucket is, when not at AWS. */
  readonly endpoint?: string | undefined
  /**
   * Puts a file there, in place of another of that path.
   * @throws ConfigError when the store will not have it: no such bucket, credentials that it does not take
   * @throws TransportError when it does not answer; trying again may help
   */
  put(file: StoredFile, signal: AbortSignal): Promise<void>
  /** The bytes of a file there, in pieces; undefined where it has none of that path. @throws as `put`, also while it is read */
  read(path: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined>
}

/** A file that is to be stored: where it lies, and what is in it. */
export interface StoredFile {
  readonly dir: string
  readonly path: string
  readonly bytes: Uint8Array
}

/** What tells a store whose files it has; written before the first of them. */
export const MARK = '.ocs/store.json'
