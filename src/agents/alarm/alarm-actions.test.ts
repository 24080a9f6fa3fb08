import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Action, Mail } from '../../core/alarm-rules.ts'
import { messageOf } from '../../core/errors.ts'
import { type Notice, perform } from './alarm-actions.ts'
import { mailServer } from './mail.test-aid.ts'

const folder = mkdtempSync(join(tmpdir(), 'ocs-actions-'))
afterAll(() => rmSync(folder, { recursive: true }))
const never = new AbortController().signal
const notice: Notice = {
  id: 'warm-1-1795420560000-raised',
  what: 'raised',
  from: 'observatory.alarms',
  name: 'warm',
  rule: 'warm',
  target: 'ls240.temperatures.Channel_1_T',
  severity: 'alarm',
  text: '4K plate is warm: it is 5.2 K; $(touch /tmp/x) `x` "y" \'z\'',
  value: 5.2,
  units: 'K',
  since: 1_795_420_560,
  ended: null,
  count: 1,
  time: 1_795_420_560,
}
const command = (...words: string[]) => Action.parse({ name: 'a', command: words })
const failure = (work: Promise<void>) =>
  work.then(
    () => 'done',
    (error: unknown) => messageOf(error),
  )

test('a command gets the alarm as JSON on its input and as environment, and no shell sees it', async () => {
  const out = join(folder, 'got')
  const script = 'cat; printf "%s|%s|%s" "$OCS_ALARM_TEXT" "$OCS_ALARM_VALUE" "$OCS_ALARM_ENDED"'
  await perform(command('sh', '-c', `(${script}) > "$1"`, 'sh', out), notice, undefined, never)
  const [json = '', environment] = readFileSync(out, 'utf8').split('\n')
  expect(JSON.parse(json)).toEqual(notice)
  expect(environment).toBe(`${notice.text}|5.2|`)
})

test('a command that fails tells how; one that reads no input, or much is said by, is none the worse', async () => {
  expect(
    await failure(perform(command('sh', '-c', 'echo no dial tone >&2; exit 3'), notice, undefined, never)),
  ).toBe('ended with exit code 3: no dial tone')
  expect(await failure(perform(command(join(folder, 'none')), notice, undefined, never))).toContain(
    'there is no such file or folder',
  )
  await perform(command('true'), { ...notice, text: 'x'.repeat(100_000) }, undefined, never)
  await perform(command('sh', '-c', 'head -c 3000000 /dev/zero >&2'), notice, undefined, never)
})

test('a command that hangs is ended with all that it has started', async () => {
  const pid = join(folder, 'pid')
  const cut = new AbortController()
  const started = join(folder, 'started')
  Bun.spawnSync(['mkfifo', started])
  const words = [
    'sh',
    '-c',
    'trap "" TERM; sleep 1000 & echo $! > "$1"; echo > "$2"; wait; wait',
    'sh',
    pid,
    started,
  ]
  const running = failure(perform(command(...words), notice, undefined, cut.signal))
  await Bun.file(started).text()
  cut.abort(new Error('not done after 1 s'))
  expect(await running).toMatch(/^ended with (SIGKILL|exit code)/)
  const child = readFileSync(pid, 'utf8').trim()
  const status = () => Bun.spawnSync(['ps', '-o', 'stat=', '-p', child]).stdout.toString().trim()
  // It dies when its turn comes, a moment after the signal.
  while (!['', 'Z'].includes(status().slice(0, 1))) await new Promise((resolve) => setImmediate(resolve))
})

test('a webhook gets it as JSON; another answer than 2xx, and none, are failures', async () => {
  const got: { type: string | null; key: string | null; body: unknown }[] = []
  let status = 204
  await using server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const header = (name: string) => request.headers.get(name)
      got.push({ type: header('content-type'), key: header('idempotency-key'), body: await request.json() })
      return new Response(null, { status })
    },
  })
  const action = Action.parse({ name: 'chat', webhook: `http://127.0.0.1:${server.port}/hooks/secret` })
  await perform(action, notice, undefined, never)
  expect(got).toEqual([{ type: 'application/json', key: notice.id, body: { ...notice } }])
  status = 503
  expect(await failure(perform(action, notice, undefined, never))).toBe('answered 503 Service Unavailable')
  await server.stop(true)
  const refused = await failure(perform(action, notice, undefined, never))
  expect(refused).not.toBe('done')
  expect(refused).not.toContain('secret')
})

test('a webhook that never answers is cut', async () => {
  const silent = createServer(() => {})
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as { port: number }
  const cut = new AbortController()
  const asked = new Promise((resolve) => silent.once('connection', resolve))
  const running = failure(
    perform(
      Action.parse({ name: 'chat', webhook: `http://127.0.0.1:${port}/` }),
      notice,
      undefined,
      cut.signal,
    ),
  )
  await asked
  cut.abort(new Error('not done after 30 s'))
  expect(await running).toBe('not done after 30 s')
  silent.close()
})

test('an e-mail arrives at each address, says what is wrong and what to do; tried again it is the same letter', async () => {
  await using server = await mailServer()
  const action = Action.parse({ name: 'people', email: ['maya@yale.test', 'lab@yale.test'] })
  const mail = Mail.parse({ server: server.url, from: 'ocs@yale.test' })
  const plain = { ...notice, text: '4K plate is warm: it is 5.2 K' }
  await perform(action, plain, mail, never)
  await perform(action, plain, mail, never)
  const [first = '', second = ''] = server.letters
  expect(first).toMatch(/^To: maya@yale\.test, lab@yale\.test\r?$/m)
  expect(first).toMatch(/^Subject: alarm warm: 4K plate is warm: it is 5\.2 K\r?$/m)
  expect(first).toContain('ls240.temperatures.Channel_1_T')
  expect(first).toContain('ocs ctrl alarms ack warm')
  const id = (text: string) => /^Message-ID: (\S+)/m.exec(text)?.[1]
  expect(id(first)).toBe('<warm-1-1795420560000-raised@observatory.alarms>')
  expect(id(second)).toBe(id(first))
})

test('a password comes from a file or the environment, and a server that refuses it is told', async () => {
  await using server = await mailServer({ user: 'ocs', password: 'sesame' })
  const file = join(folder, 'password')
  const action = Action.parse({ name: 'people', email: ['maya@yale.test'] })
  const mail = Mail.parse({ server: server.url, from: 'ocs@yale.test', user: 'ocs', password_file: file })
  expect(await failure(perform(action, notice, mail, never))).toStartWith(
    'the password cannot be read: there is no such file or folder',
  )
  writeFileSync(file, 'wrong\n')
  expect(await failure(perform(action, notice, mail, never))).toContain('wrong password')
  writeFileSync(file, 'sesame\n')
  await perform(action, notice, mail, never)
  process.env['OCS_TEST_MAIL'] = 'sesame'
  const { password_file: _, ...rest } = mail
  await perform(action, notice, { ...rest, password_env: 'OCS_TEST_MAIL' }, never)
  expect(await failure(perform(action, notice, { ...rest, password_env: 'OCS_NONE' }, never))).toBe(
    'no password: OCS_NONE is not in the environment',
  )
  expect(server.letters).toHaveLength(2)
})

test('a mail server that says nothing is cut', async () => {
  const silent = createServer(() => {})
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as { port: number }
  const cut = new AbortController()
  const asked = new Promise((resolve) => silent.once('connection', resolve))
  const mail = Mail.parse({ server: `smtp://127.0.0.1:${port}`, from: 'ocs@yale.test' })
  const running = failure(perform(Action.parse({ name: 'a', email: ['b@c'] }), notice, mail, cut.signal))
  await asked
  cut.abort(new Error('not done after 30 s'))
  expect(await running).toBe('not done after 30 s')
  silent.close()
})
