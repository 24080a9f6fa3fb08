/** Every command × files, folders and hubs that are wrong: it ends, by the code of its kind, in words that say what is wrong. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { Lab, OCS } from './roles.ts'
import { YALE } from './yale-lab.ts'

setDefaultTimeout(600_000)

/** Seconds after which a command hangs, and commands at a time. */
const PATIENCE = 60
const AT_ONCE = 6

/** What each command is to read or write, in the place of `FILE` or `DIR`. */
const FILES: readonly (readonly string[])[] = [
  ...['hub', 'up', 'check', 'systemd', 'status', 'ps', 'down', 'logs'].map((name) => [
    name,
    '--site-file',
    'FILE',
  ]),
  ['agent', '--instance-id=ls240', '--site-file', 'FILE'],
  ['aggregate', '--instance-id=aggregator', '--site-file', 'FILE', '--data-dir', 'data'],
  ['datanode', 'sensors', '--site-file', 'FILE'],
  ['bridge', '--site-file', 'FILE'],
  ['bridge', '--cert', 'FILE', '--key', 'FILE', '--listen', '127.0.0.1:5999'],
  ['record', 'ls240', '--site-file', 'FILE', '-o', 'out.yaml'],
  ['grafana', 'provision', '--site-file', 'FILE', '--out', 'grafana'],
  ['ctrl', 'status', '--site-file', 'FILE'],
  ['plot', 'ls240', '--site-file', 'FILE'],
  ['run', 'FILE'],
  ['test', 'FILE'],
  ['sim', 'module', 'FILE', '--tcp=127.0.0.1:7999', '--serial-number=1'],
  [
    'agent',
    '--instance-id=control',
    '--site-file',
    YALE,
    '--site-host=grumpy',
    '--ip-address',
    'replay:FILE',
  ],
]
const FOLDERS: readonly (readonly string[])[] = [
  ['audit', 'DIR'],
  ['export', 'x', '--data-dir', 'DIR'],
  ['spool', 'ls', '--state-dir', 'DIR'],
  ['spool', 'show', 'ls240', '--state-dir', 'DIR'],
  ['spool', 'drain', 'ls240', '--state-dir', 'DIR'],
  ['spool', 'trust', '--state-dir', 'DIR'],
  ['aggregate', '--instance-id=aggregator', '--data-dir', 'DIR'],
  ['aggregate', 'refill', '--data-dir', 'DIR'],
  ['hub', '--state-dir', 'DIR', '--site-file', YALE, '--site-host=grumpy'],
  ['agent', '--instance-id=ls240', '--state-dir', 'DIR', '--site-file', YALE, '--site-host=grumpy'],
  ['up', '--state-dir', 'DIR', '--site-file', YALE, '--site-host=grumpy'],
  ['grafana', 'provision', '--out', 'DIR', '--site-file', YALE],
  ['demo', '--dir', 'DIR'],
  ['new', 'instrument', 'gauge', '--dir', 'DIR'],
]
const ASKING: readonly (readonly string[])[] = [
  ['status'],
  ['ctrl', 'start', 'ls240', 'acq'],
  ['plot', 'ls240', '--once'],
  ['aggregate', 'refill'],
]

/** What stands there in place of what is wanted; pipes have no writer. */
const WRONG: Readonly<Record<string, (path: string, lab: Lab) => unknown>> = {
  missing: () => {},
  folder: (path) => mkdirSync(path),
  empty: (path) => writeFileSync(path, ''),
  binary: (path) => writeFileSync(path, Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 181) % 256))),
  'a file in place of its folder': () => {},
  pipe: (path, lab) => lab.program('mkfifo', ['mkfifo', path]).ended(),
  unreadable: (path) => writeFileSync(path, '', { mode: 0 }),
  'unreadable folder': (path) => {
    mkdirSync(path)
    chmodSync(path, 0)
  },
  'dangling link': (path, lab) => lab.program('ln', ['ln', '-s', '/nowhere/at/all', path]).ended(),
}
/** Also root is held up by rights then. */
const AS_ANYONE = [
  'setpriv',
  '--bounding-set=-dac_override,-dac_read_search',
  '--inh-caps=-dac_override,-dac_read_search',
]

/** What nobody should have to read: names of the system's errors, of zod's, and stacks. */
const RAW =
  /\bE(?:NOENT|ACCES|PERM|NOTDIR|ISDIR|ROFS|NXIO|LOOP|INVAL|EXIST|CONNREFUSED|CONNRESET|HOSTUNREACH|NETUNREACH|TIMEDOUT|NOTFOUND|AI_AGAIN|ADDRINUSE|PIPE)\b|ZodError|Invalid input|"code": *"|errno|HPE_|SQLITE_|^ {2,}at /m

interface Tried {
  readonly words: readonly string[]
  readonly what: string
  readonly code: number | null
  readonly said: string
}

/** What is wrong with how a command has ended; undefined when nothing is. */
function fault({ words, what, code, said }: Tried): string | undefined {
  const told = `${what}: ocs ${words.join(' ')}: exit code ${code}:\n${said}`
  if (code === null || code > 3) return `does not end by itself: ${told}`
  // What is wrong in a test of one's own is told by Bun's runner.
  if (words[0] !== 'test' && RAW.test(said)) return `raw: ${told}`
  if (code !== 0 && !/^(?:ocs|error): \S/m.test(said)) return `says nothing: ${told}`
  return undefined
}

/** Runs a command where something is wrong. What has begun to work without a fault is stopped. */
async function tried(lab: Lab, words: readonly string[], what: string, cwd: string): Promise<Tried> {
  const name = `${words.slice(0, 2).join('-')}-${what}`.replaceAll(/\W/g, '-')
  const running = lab.program(name, [...AS_ANYONE, ...OCS, ...words], { cwd })
  // A role that waits or works says so.
  const works = running
    .says(/waiting for the hub|listening on|starting \w+Agent|idle:|^ROLE|Ctrl-C stops|seed/, PATIENCE)
    .catch(() => {})
  await Promise.race([works, running.ended(PATIENCE).catch(() => {})])
  running.signal('SIGTERM')
  const { code } = await running.ended(PATIENCE).catch(() => running.kill())
  return { words, what, code: running.end?.signal === 'SIGTERM' ? 0 : code, said: running.text() }
}

/** Does all of it, some at a time. */
async function each<T>(all: readonly T[], act: (one: T) => Promise<Tried>): Promise<Tried[]> {
  const left = [...all]
  const done: Tried[] = []
  const lane = async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) done.push(await act(one))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  return done
}

test('files and folders that are wrong', async () => {
  await using lab = new Lab()
  let nth = 0
  const cases = [...FILES, ...FOLDERS].flatMap((words) => Object.keys(WRONG).map((what) => ({ words, what })))
  const done = await each(cases, async ({ words, what }) => {
    const cwd = lab.path(`case-${nth++}`)
    mkdirSync(cwd)
    const parent = what === 'a file in place of its folder'
    if (parent) writeFileSync(`${cwd}/wrong`, '')
    const path = parent ? `${cwd}/wrong/below.ts` : `${cwd}/wrong.ts`
    await WRONG[what]?.(path, lab)
    return tried(
      lab,
      words.map((word) => word.replace(/FILE|DIR/, path)),
      what,
      cwd,
    )
  })
  expect(done.length).toBe(cases.length)
  expect(done.flatMap((one) => fault(one) ?? []).join('\n\n')).toBe('')
})

test('hubs that are none', async () => {
  await using lab = new Lab()
  const sockets = new Set<Socket>()
  await using servers = new AsyncDisposableStack()
  const serve = async (greet: (socket: Socket) => void) => {
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => {}))
      greet(socket)
    })
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
    servers.defer(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    return `127.0.0.1:${(server.address() as { port: number }).port}`
  }
  await lab.program('ip', ['ip', 'route', 'add', 'unreachable', '10.3.0.0/24']).ended()
  const hubs: readonly (readonly [string, string, RegExp])[] = [
    ['nothing there', '127.0.0.1:1', /\(connection refused\)/],
    ['no way there', '10.3.0.1:1883', /\((?:connection refused, or no|there is no) way to that host\)/],
    ['no such host', 'no.such.host.invalid:1883', /\(there is no such host\)/],
    ['closes at once', await serve((socket) => socket.end()), /closes the connection|connection was closed/],
    ['says nothing', await serve(() => {}), /\(nothing there answers as a hub does/],
    [
      'no MQTT',
      await serve((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
      /\((?:nothing there|what answers)/,
    ],
  ]
  const cases = ASKING.flatMap((words) =>
    hubs.flatMap(([what, at, why]) =>
      ['mqtt', 'ws'].map((scheme) => ({ words, what, url: `${scheme}://${at}`, why })),
    ),
  )
  const wrong: string[] = []
  const done = await each(cases, async ({ words, what, url, why }) => {
    const one = await tried(lab, [...words, '--site-hub', url], what, lab.dir)
    if (one.code !== 3 || !why.test(one.said)) wrong.push(`${one.words.join(' ')}: ${one.code} ${one.said}`)
    return one
  })
  expect(wrong.join('\n\n')).toBe('')
  expect(done.flatMap((one) => fault(one) ?? []).join('\n\n')).toBe('')
})
