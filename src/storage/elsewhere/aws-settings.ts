import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { ConfigError } from '../../core/errors.ts'

type Env = Readonly<Record<string, string | undefined>>

/** What is needed to access a bucket. */
export interface AwsSettings {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string | undefined
  readonly region: string | undefined
  readonly endpoint: string | undefined
}

/**
 * Credentials, region and endpoint from where AWS's own tools keep them: the environment, else the profile in
 * `~/.aws` (docs.aws.amazon.com/sdkref, "shared config and credentials files"). The credentials that AWS
 * gives to a machine in its cloud are not used.
 * @throws ConfigError if there are no credentials
 */
export function awsSettings(env: Env): AwsSettings {
  const folder = join(env['HOME'] || homedir(), '.aws')
  const profile = env['AWS_PROFILE'] || 'default'
  const secrets = env['AWS_SHARED_CREDENTIALS_FILE'] || join(folder, 'credentials')
  const config = env['AWS_CONFIG_FILE'] || join(folder, 'config')
  const section = profile === 'default' ? profile : `profile ${profile}`
  const about = { ...sectionOf(config, section), ...sectionOf(secrets, profile) }
  const isGiven = Boolean(env['AWS_ACCESS_KEY_ID'] && env['AWS_SECRET_ACCESS_KEY'])
  const accessKeyId = isGiven ? env['AWS_ACCESS_KEY_ID'] : about['aws_access_key_id']
  const secretAccessKey = isGiven ? env['AWS_SECRET_ACCESS_KEY'] : about['aws_secret_access_key']
  if (!accessKeyId || !secretAccessKey) {
    throw new ConfigError(
      `no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or have them as profile ${profile} in ${secrets}`,
    )
  }
  return {
    accessKeyId,
    secretAccessKey,
    sessionToken: (isGiven ? env['AWS_SESSION_TOKEN'] : about['aws_session_token']) || undefined,
    region: env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || about['region'] || undefined,
    endpoint: env['AWS_ENDPOINT_URL_S3'] || env['AWS_ENDPOINT_URL'] || about['endpoint_url'] || undefined,
  }
}

/** The `key = value` pairs of a section of a file; empty if the file does not exist. */
function sectionOf(path: string, wanted: string): Record<string, string> {
  let text = ''
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return {}
  }
  const found: Record<string, string> = {}
  let section = ''
  for (const line of text.split('\n')) {
    const head = /^\s*\[\s*(.*?)\s*\]/.exec(line)
    const entry = /^([A-Za-z_]\w*)\s*=\s*(.*?)\s*$/.exec(line)
    if (head) section = head[1] ?? ''
    else if (entry && section === wanted) found[entry[1] ?? ''] = entry[2] ?? ''
  }
  return found
}
