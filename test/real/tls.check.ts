/**
 * A hub over TLS, as seen by openssl, Mosquitto's clients, curl and Python, from its first certificate to
 * another one.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { figure, Lab, ROOT, until } from './roles.ts'

setDefaultTimeout(400_000)

const SITE = ['--site-file', join(ROOT, 'fixtures', 'sites', 'yale.yaml'), '--site-host', 'grumpy']
const WIDE = ['--listen', '0.0.0.0', '--listen-ws', '0.0.0.0']
const MQTTS = 'mqtts://localhost:8883'
/** Python's own verdict with its strictest settings, including names and versions. */
const PYTHON = `
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[1])
context.verify_flags |= ssl.VERIFY_X509_STRICT
with socket.create_connection(('127.0.0.1', int(sys.argv[2]))) as plain:
    with context.wrap_socket(plain, server_hostname=sys.argv[3]) as secure:
        print(secure.version())
`

/** A program's exit code with all its output. */
async function said(lab: Lab, ...command: string[]): Promise<{ code: number | null; text: string }> {
  const running = lab.program(command[0] ?? '', command)
  running.endInput()
  const { code } = await running.ended(20)
  return { code, text: running.text() }
}

/** A lab whose hub listens for all, with its authority's file. */
async function wideLab() {
  const lab = new Lab()
  const init = await lab.run(['hub', 'init', ...SITE, '--name', 'grumpy.lab'])
  expect([init.err, init.code]).toEqual([expect.stringContaining('Copy INSTANCE.json'), 0])
  const hub = await lab.hub(...SITE, ...WIDE)
  const file = (name: string) => lab.path('state', 'hub', name)
  return { lab, hub, file, init, ca: file('ca.pem') }
}

test('without a certificate and users a hub does not listen wider, and says how', async () => {
  await using lab = new Lab()
  const { code, err } = await lab.run(['hub', ...WIDE])
  expect([code, err]).toEqual([2, expect.stringMatching(/ocs hub init.*ocs hub passwd NAME --role/)])
})

test('strict verifiers take the certificate, for its names alone', async () => {
  const { lab, file, ca, init } = await wideLab()
  await using _ = lab
  const verify = (...more: string[]) =>
    said(
      lab,
      'openssl',
      'verify',
      '-x509_strict',
      '-purpose',
      'sslserver',
      '-CAfile',
      ca,
      ...more,
      file('server.pem'),
    )
  expect((await verify('-verify_hostname', 'grumpy.lab')).code).toBe(0)
  expect((await verify('-verify_ip', '::1')).code).toBe(0)
  expect((await verify('-verify_hostname', 'dopey.lab')).text).toContain('hostname mismatch')
  const print = await said(lab, 'openssl', 'x509', '-in', ca, '-noout', '-fingerprint', '-sha256')
  expect(init.out).toContain(print.text.trim().split('=')[1] ?? 'none')
  for (const port of ['8883', '8080']) {
    const python = (name: string) => said(lab, 'python3', '-c', PYTHON, ca, port, name)
    expect(await python('grumpy.lab')).toEqual({ code: 0, text: 'TLSv1.3' })
    expect((await python('dopey.lab')).text).toContain('Hostname mismatch')
    const shake = (...more: string[]) =>
      said(
        lab,
        'openssl',
        's_client',
        '-connect',
        `127.0.0.1:${port}`,
        '-CAfile',
        ca,
        '-verify_return_error',
        ...more,
      )
    expect((await shake('-tls1_2')).text).toMatch(/Cipher is ECDHE-ECDSA-(AES\d+-GCM|CHACHA20)/)
    expect((await shake('-tls1_1', '-cipher', 'ALL:@SECLEVEL=0')).code).not.toBe(0)
  }
  const cbc = ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-SHA']
  expect((await said(lab, 'openssl', 's_client', '-connect', '127.0.0.1:8883', ...cbc)).code).not.toBe(0)
  const curl = (...more: string[]) => said(lab, 'curl', '-sS', ...more, 'https://localhost:8080/')
  expect((await curl('--cacert', ca)).text).toContain('MQTT over WebSocket is at /ws')
  expect((await curl()).code).toBe(60)
})

test('Mosquitto’s clients and ocs come in by credentials over TLS, and by nothing else', async () => {
  const { lab, hub, file, ca } = await wideLab()
  await using _ = lab
  const { token } = JSON.parse(readFileSync(file('credentials/ls240.json'), 'utf8')) as { token: string }
  const look = (...more: string[]) =>
    said(
      lab,
      'mosquitto_sub',
      '-h',
      'localhost',
      '-p',
      '8883',
      '-t',
      'observatory/hub',
      '-C',
      '1',
      '-W',
      '5',
      ...more,
    )
  expect((await look('--cafile', ca, '-u', 'ls240', '-P', token)).text).toContain('mqtts://0.0.0.0:8883')
  expect((await look('--cafile', ca, '-u', 'ls240', '-P', `${token.slice(0, -1)}x`)).code).not.toBe(0)
  expect((await look('--cafile', '/etc/ssl/certs/ca-certificates.crt')).code).not.toBe(0)
  expect((await look()).code).not.toBe(0)

  // A message that it may not publish is dropped, without cutting the connection.
  const publish = (instance: string, ...more: string[]) => {
    const to = ['-h', 'localhost', '-p', '8883', '--cafile', ca, '-u', 'ls240', '-P', token, '-i', 'ls240']
    const what = ['-k', '3600', '-q', '1', '-t', `observatory/${instance}/api`, '-r', '-m', instance]
    return said(lab, 'mosquitto_pub', ...to, ...what, ...more)
  }
  expect(await publish('control')).toEqual({ code: 0, text: '' })
  expect(await publish('ls240')).toEqual({ code: 0, text: '' })
  await hub.says(/"ls240" tried to publish what it may not; the message is dropped: .*control/)
  const kept = ['-h', 'localhost', '-p', '1883', '-k', '3600', '-t', 'observatory/+/api', '-v', '-W', '2']
  expect((await said(lab, 'mosquitto_sub', ...kept)).text).toMatch(
    /^observatory\/ls240\/api ls240(?:\n.*Timed out)?$/,
  )

  const status = (env: Readonly<Record<string, string>>, url = MQTTS) =>
    lab.run(['ctrl', 'status', '--site-hub', url], { env })
  // The account of the hub needs nothing; another account needs the file that it is given.
  expect((await status({})).code).toBe(0)
  const elsewhere = { OCS_STATE_DIR: lab.path('elsewhere') }
  const given = { ...elsewhere, OCS_CREDENTIALS: file('credentials/ls240.json') }
  expect((await status(given)).code).toBe(0)
  expect((await status(given, 'wss://localhost:8080/ws')).code).toBe(0)
  for (const [url, env, words] of [
    [MQTTS, elsewhere, 'it has no credentials'],
    ['mqtt://localhost:8883', given, 'where that port speaks TLS, write mqtts://'],
    ['mqtts://localhost:1883', given, 'that port does not speak TLS'],
    ['mqtts://127.0.0.2:8883', given, 'is not for 127.0.0.2'],
  ] as const) {
    const { code, err } = await status(env, url)
    expect([url, code, err]).toEqual([url, 3, expect.stringContaining(words)])
  }
  await hub.says('it does not speak TLS, and this port does')
})

test('the Python client comes in by credentials over both', async () => {
  const python = process.env['OCS_PAHO_PYTHON'] ?? ''
  if (!python) throw new Error('OCS_PAHO_PYTHON has to name the Python that has paho-mqtt')
  const { lab, file } = await wideLab()
  await using _ = lab
  const env = { PYTHONPATH: join(ROOT, 'python') }
  const look = async (url: string, credentials?: string) => {
    const code = `from ocs_mqtt import OCSClient\nOCSClient('none', hub='${url}', timeout=5)`
    const given = credentials ? { OCS_CREDENTIALS: credentials } : {}
    const running = lab.program('python', [python, '-c', code], { env: { ...env, ...given } })
    await running.ended(30)
    return running.text()
  }
  for (const url of [MQTTS, 'wss://localhost:8080/ws']) {
    // It has reached the hub, which has no such agent.
    expect(await look(url, file('credentials/ls240.json'))).toContain("no agent 'none' is online")
    expect(await look(url)).toMatch(/no hub at .*CERTIFICATE_VERIFY_FAILED/)
  }
})

test('people log in over TLS once they have compared the fingerprint', async () => {
  const { lab, init } = await wideLab()
  await using _ = lab
  const password = lab.path('password')
  writeFileSync(password, 'correct horse battery')
  const added = await lab.run(['hub', 'passwd', 'maya', '--role', 'operator:1', '--password-file', password])
  expect(added.code).toBe(0)
  const env = { OCS_STATE_DIR: lab.path('elsewhere') }
  const logIn = async (...more: string[]) => {
    const running = lab.start('login', ['login', 'maya', '--site-hub', MQTTS, ...more], { env })
    running.write('correct horse battery\n')
    running.endInput()
    const { code } = await running.ended(30)
    return { code, text: running.text() }
  }
  const fingerprint = /SHA-256 (\S+)/.exec(init.out)?.[1] ?? ''
  const first = await logIn()
  expect([first.code, first.text]).toEqual([
    1,
    expect.stringContaining(`ocs login --fingerprint ${fingerprint}`),
  ])
  const other = await logIn('--fingerprint', fingerprint.replace(/^../, '00').replace(/..$/, '00'))
  expect([other.code, other.text]).toEqual([1, expect.stringContaining('someone intercepts the connection')])
  expect((await logIn('--fingerprint', fingerprint)).code).toBe(0)
  const status = await lab.run(['ctrl', 'status', '--site-hub', MQTTS], { env })
  expect([status.code, status.err]).toEqual([0, ''])
  expect((await logIn()).code).toBe(0)
})

test('another certificate is shown without a restart, and no message is lost', async () => {
  const { lab, hub, ca, file } = await wideLab()
  await using _ = lab
  const owner = lab.owner
  const as = [
    '-u',
    owner.username,
    '-P',
    owner.password,
    '--cafile',
    ca,
    '-h',
    'localhost',
    '-p',
    '8883',
    '-q',
    '1',
  ]
  const topic = 'observatory/x/events'
  const reader = lab.program('reader', [
    'mosquitto_sub',
    ...as,
    '-i',
    'reader',
    '-t',
    'observatory/hub',
    '-t',
    topic,
  ])
  await reader.says('"listeners"')
  const writer = lab.program('writer', ['mosquitto_pub', ...as, '-i', 'x', '-t', topic, '-l'])
  const event = (text: string) => JSON.stringify({ time: 1, level: 'info', kind: 'count', text })
  const numbers = Array.from({ length: 2000 }, (_, i) => `n${i}.`)
  for (const text of numbers.slice(0, 1000)) writer.write(`${event(text)}\n`)
  const before = readFileSync(file('server.pem'), 'utf8')
  const mark = hub.mark
  const renewed = await lab.run(['hub', 'renew', '--name', 'dopey.lab'])
  expect([renewed.err, renewed.code]).toEqual(['', 0])
  await hub.says('the new certificate is in use', 20, mark)
  for (const text of numbers.slice(1000)) writer.write(`${event(text)}\n`)
  await reader.says(numbers.at(-1) ?? '', 60)
  const lost = numbers.filter((text) => !reader.text().includes(`"${text}"`))
  figure(`2,000 messages while the certificate changes: ${lost.length} lost`)
  expect(lost).toEqual([])
  // The retained message came once: the client has not reconnected.
  expect(reader.text().match(/"listeners"/g)?.length).toBe(1)
  expect(readFileSync(file('server.pem'), 'utf8')).not.toBe(before)
  for (const port of ['8883', '8080'])
    expect(await said(lab, 'python3', '-c', PYTHON, ca, port, 'dopey.lab')).toEqual({
      code: 0,
      text: 'TLSv1.3',
    })
  // A certificate that does not fit is reported, and changes nothing.
  const wrong = await lab.run(['hub', 'renew', '--cert', file('server.pem'), '--key', file('ca.key')])
  expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('is not the key of')])
})

test('key and certificate of the field’s older guide, and one with names, by openssl', async () => {
  await using lab = new Lab()
  const openssl = async (...args: string[]) => expect((await said(lab, 'openssl', ...args)).code).toBe(0)
  await openssl('genrsa', '-out', 'server_key.pem', '2048')
  await openssl('req', '-new', '-key', 'server_key.pem', '-out', 'server_csr.pem', '-subj', '/CN=localhost')
  await openssl(
    ...[
      'x509',
      '-req',
      '-days',
      '365',
      '-in',
      'server_csr.pem',
      '-signkey',
      'server_key.pem',
      '-out',
      'server_cert.pem',
    ],
  )
  const old = ['--cert', lab.path('server_cert.pem'), '--key', lab.path('server_key.pem')]
  const init = await lab.run(['hub', 'init', ...SITE, ...old])
  expect([init.code, init.err]).toEqual([0, expect.stringContaining('names no hosts (subjectAltName)')])
  const hub = await lab.hub(...SITE, ...WIDE)
  const status = (host: string) => lab.run(['ctrl', 'status', '--site-hub', `mqtts://${host}:8883`])
  expect((await status('localhost')).code).toBe(0)
  const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  await openssl(
    ...[
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      'k.pem',
      '-out',
      'c.pem',
      '-days',
      '90',
      '-subj',
      '/CN=lab',
    ],
    ...names,
  )
  const mark = hub.mark
  const next = await lab.run(['hub', 'renew', '--cert', lab.path('c.pem'), '--key', lab.path('k.pem')])
  expect([next.code, next.err]).toEqual([0, expect.stringContaining('The hub has a new CA')])
  await hub.says('the new certificate is in use', 20, mark)
  await until('the new certificate is taken', 20, async () => (await status('127.0.0.1')).code === 0)
})
