import { expect, test } from 'bun:test'
import { redact, withoutSecrets } from './redact.ts'

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
  ['mail to maya@grumpy at 12:30', 'mail to maya@grumpy at 12:30'],
  ['password_file: /etc/ocs/mail', 'password_file: /etc/ocs/mail'],
  ['tcp://10.0.0.2:7777', 'tcp://10.0.0.2:7777'],
])('%s', (text, shown) => {
  expect(redact(text)).toBe(shown)
})

test('text made to be slow is not', () => {
  const text = 'a.'.repeat(200_000)
  expect(redact(text) === text).toBeTrue()
})

test('parameters are shown without what is secret, however deep', () => {
  const params = {
    user: 'ocs',
    password: 'x',
    auth: { api_key: 1, list: [{ Token: 'y', kept: 2 }] },
    rate: 0.5,
  }
  expect(withoutSecrets(params)).toEqual({
    user: 'ocs',
    password: '***',
    auth: { api_key: '***', list: [{ Token: '***', kept: 2 }] },
    rate: 0.5,
  } as never)
  expect(params.password).toBe('x')
})
