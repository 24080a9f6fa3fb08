import { expect, test } from 'bun:test'
import { redact, redactedJson, withoutSecrets } from './redact.ts'

test.each([
  [
    'waiting for the hub at mqtt://maya:hunter2@grumpy:1883',
    'waiting for the hub at mqtt://maya:***@grumpy:1883',
  ],
  ['wss://maya:p%40ss:word@h/ws and ws://h/ws', 'wss://maya:***@h/ws and ws://h/ws'],
  ['udp://ups:161?community=s3cret&version=1', 'udp://ups:161?community=***&version=1'],
  ['community: s3cret', 'community: ***'],
  ["community='s3 cret'", "community='***'"],
  ['{"password":"a b","host":"h"}', '{"password":"***","host":"h"}'],
  ['api_key=abc, token=def', 'api_key=***, token=***'],
  ['snmp_community=s3cret mqtt_password: s3cret', 'snmp_community=*** mqtt_password: ***'],
  ['api-key: abc pwd=abc passphrase=abc', 'api-key: *** pwd=*** passphrase=***'],
  ['curl --password s3cret --snmp-community=s3cret', 'curl --password *** --snmp-community=***'],
  ['["--password", "s3 cret", "--password-file", "f"]', '["--password", "***", "--password-file", "f"]'],
  [String.raw`{"password":"a\"b","host":"h"}`, '{"password":"***","host":"h"}'],
  [
    String.raw`"{\"password\":\"s3cret\",\"host\":\"h\"}"`,
    String.raw`"{\"password\":\"***\",\"host\":\"h\"}"`,
  ],
  [String.raw`pwd=s3\cret\\1 and more`, 'pwd=*** and more'],
  ['password="s3 cret', 'password="***"'],
  ['Authorization: Bearer abc.def== and more', 'Authorization: Bearer *** and more'],
  ['{"authorization":"Basic bWF5YQ=="}', '{"authorization":"Basic ***"}'],
  [`a token ocs1_maya_${'A-'.repeat(21)}A, of maya`, 'a token ocs1_maya_***, of maya'],
  ['mail to maya@grumpy at 12:30', 'mail to maya@grumpy at 12:30'],
  ['password_file: /etc/ocs/mail', 'password_file: /etc/ocs/mail'],
  ['tcp://10.0.0.2:7777', 'tcp://10.0.0.2:7777'],
])('%s', (text, shown) => {
  expect(redact(text)).toBe(shown)
})

test.each(['a.', '--', 'ocs1_a. ', 'password', ' authorization', '\\\\', "'"])(
  'text made of %s to be slow is not',
  (part) => {
    const text = part.repeat(400_000 / part.length)
    expect(redact(text) === text).toBeTrue()
  },
)

test('parameters are shown without what is secret, however deep', () => {
  const params = {
    user: 'ocs',
    password: 'x',
    auth: { api_key: 1, list: [{ Token: 'y', kept: 2 }] },
    rate: 0.5,
    url: 'rtsp://maya:hunter2@camera',
    pwd: 'x',
    'private-key': ['x'],
  }
  expect(withoutSecrets(params)).toEqual({
    user: 'ocs',
    password: '***',
    url: 'rtsp://maya:***@camera',
    pwd: '***',
    'private-key': '***',
    auth: { api_key: '***', list: [{ Token: '***', kept: 2 }] },
    rate: 0.5,
  } as never)
  expect(params.password).toBe('x')
})

const HIDDEN = `pass PASS mail_pass mailPass pass_1 smtp-pass passwd passcode passkey userpass firewall_pass standbypass
  password Password2 passphrase db_password_old passwords PassWord compass_password bypassword pass_age
  pwd secret_key access_token snmp_community credentials authorisation apiKey private-key`
test.each(HIDDEN.split(/\s+/))('a parameter %s is hidden', (name) => {
  expect(withoutSecrets({ [name]: 'x' })).toEqual({ [name]: '***' })
})

const SHOWN = `compass bypass bypass_valve valveBypass BYPASS compassHeading passes n_passes passive passband pass_band lowpass
  high_pass band_pass low-pass-filter allPass passed passenger passage`
test.each(SHOWN.split(/\s+/))('a parameter %s, which but contains the word, is shown', (name) => {
  expect(withoutSecrets({ [name]: 7 })).toEqual({ [name]: 7 })
})

test('a document stays one, whatever is hidden in it', () => {
  const said = ["a 'password='", 'with "token:', "secret: 'tis", 'mqtt_password=hunter2']
  const shown = redactedJson({ said, token: 5, community: 'x', isSecret: false, args: ['--password', 's3'] })
  expect(JSON.parse(shown)).toEqual({
    said: [expect.any(String), expect.any(String), expect.any(String), 'mqtt_password=***'],
    token: '***',
    community: '***',
    isSecret: false,
    args: ['--password', '***'],
  })
})
