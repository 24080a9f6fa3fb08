import { expect, test } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { folder } from '../../../test/temporary.ts'
import { awsSettings } from './aws-settings.ts'

/** A home with profiles, as AWS's own tools write them. */
function home(): string {
  const path = folder()
  mkdirSync(join(path, '.aws'))
  const credentials =
    '[default]\naws_access_key_id = AKHOME\naws_secret_access_key=s/e=c\n\n[lab]\naws_access_key_id=AKLAB\naws_secret_access_key=x\naws_session_token=t\n'
  writeFileSync(join(path, '.aws', 'credentials'), credentials)
  const config =
    '# ours\n[default]\nregion = us-west-2\n[profile lab]\nregion=eu-central-1\nendpoint_url = https://s3.lab\n  s3 =\n'
  writeFileSync(join(path, '.aws', 'config'), config)
  return path
}

test('the environment is taken first, with nothing of a profile mixed in', () => {
  const env = { HOME: home(), AWS_PROFILE: 'lab', AWS_ACCESS_KEY_ID: 'AKENV', AWS_SECRET_ACCESS_KEY: 'y' }
  expect(awsSettings(env)).toEqual({
    ...{ accessKeyId: 'AKENV', secretAccessKey: 'y', sessionToken: undefined },
    ...{ region: 'eu-central-1', endpoint: 'https://s3.lab' },
  })
})

test('profiles are found by name', () => {
  expect(awsSettings({ HOME: home() })).toMatchObject({
    ...{ accessKeyId: 'AKHOME', secretAccessKey: 's/e=c', region: 'us-west-2', endpoint: undefined },
  })
  expect(awsSettings({ HOME: home(), AWS_PROFILE: 'lab', AWS_REGION: 'us-east-2' })).toMatchObject({
    ...{ accessKeyId: 'AKLAB', sessionToken: 't', region: 'us-east-2' },
  })
})

test('without credentials it is said where they could be', () => {
  expect(() => awsSettings({ HOME: home(), AWS_PROFILE: 'none' })).toThrow(
    /as profile none in \/.*\.aws\/credentials/,
  )
  expect(() => awsSettings({ HOME: '/nowhere' })).toThrow(/AWS_ACCESS_KEY_ID/)
})
