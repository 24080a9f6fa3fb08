import { UsageError } from '../../core/errors.ts'
import { awsSettings } from './aws-settings.ts'
import { Pace } from './pace.ts'
import { RsyncStore } from './rsync-store.ts'
import { S3Store } from './s3-store.ts'
import type { Store } from './store.ts'

export interface StoreOptions {
  /** For an S3 server that is not at AWS: `https://s3.lab.example`. */
  readonly endpoint?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** A folder for transfers in progress. */
  readonly scratch: string
  readonly pace?: Pace
}

const FORMS = 's3://BUCKET/PREFIX or rsync:HOST:/FOLDER'

/**
 * The store that a text names.
 * @throws UsageError if it names none
 * @throws ConfigError if there are no credentials for it
 */
export function openStore(text: string, { endpoint, env, scratch, pace = new Pace() }: StoreOptions): Store {
  const [, bucket, prefix = ''] =
    /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/+([^?#]*))?$/.exec(text) ?? []
  if (bucket !== undefined) {
    const parts = prefix.split('/').filter((part) => part !== '')
    if (parts.some((part) => part === '.' || part === '..'))
      throw new UsageError(`${text}: a prefix has no "." or ".." in it`)
    const aws = awsSettings(env)
    const at = addressOf(endpoint ?? aws.endpoint)
    return new S3Store(bucket, parts.join('/'), { ...aws, endpoint: at }, pace)
  }
  if (text.startsWith('s3:')) {
    const why = text.includes('@')
      ? 'credentials come from AWS_ACCESS_KEY_ID and the like, never from here'
      : FORMS
    throw new UsageError(`${text.replace(/\/\/.*@/, '//…@')} is not a bucket and prefix: ${why}`)
  }
  const target = text.startsWith('rsync://') ? text : /^rsync:(.+)$/.exec(text)?.[1]
  // A word that begins with a dash would be taken as an option.
  if (target === undefined || target.startsWith('-')) throw new UsageError(`${text} is not a store: ${FORMS}`)
  if (endpoint !== undefined) throw new UsageError('--endpoint goes with s3://')
  if (!/^(rsync:\/\/[^/]+\/.|\/.|[^/:]+::?.)/.test(target))
    throw new UsageError(`${text}: give a full path: ${FORMS}, rsync:HOST::MODULE/FOLDER, or rsync:/FOLDER`)
  return new RsyncStore(target, scratch, pace, env)
}

function addressOf(endpoint: string | undefined): string | undefined {
  if (endpoint === undefined) return undefined
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '')
    throw new UsageError(
      `--endpoint takes http://HOST:PORT or https://HOST, given "${endpoint.replace(/\/\/.*@/, '//…@')}"`,
    )
  return endpoint.replace(/\/+$/, '')
}
