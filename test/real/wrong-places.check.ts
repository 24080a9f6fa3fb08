/**
 * Every command with wrong files, folders and hubs: it ends, with the exit code of the kind of error, and
 * says what is wrong.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import type { Command } from 'commander'
import { declared } from '../../src/commands/program.ts'
import { figure, Lab, OCS } from './roles.ts'
import { YALE } from './yale-lab.ts'

setDefaultTimeout(600_000)

/** Seconds after which a command counts as hanging, and number of commands at a time. */
const PATIENCE = 60
const AT_ONCE = 6

/**
 * Other files that commands read and write, given by words that are not among their declared flags, at `FILE`
 * or `DIR`.
 */
const OTHERS: readonly (readonly string[])[] = [
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
  ['agent', '--instance-id=ls240', '--site-file', YALE, '--site-host=grumpy', '--working-dir', 'DIR'],
  ['aggregate', '--instance-id=aggregator', '--site-file', YALE, '--site-host=grumpy', '--data-dir', 'DIR'],
  ['datanode', 'archive', '--data-dir', 'DIR', '--index-dir', 'index'],
  ['datanode', 'archive', '--data-dir', '.', '--index-dir', 'DIR'],
  ['datanode', 'weather', '--weather-dir', 'DIR'],
  ['bridge', 'passwd', 'maya', '--users', 'FILE'],
]
/** Values for the required arguments of commands, by the name of an argument or a flag. */
const GIVEN: Readonly<Record<string, string>> = {
  instance: 'ls240',
  op: 'acq',
  name: 'maya',
  alarm: 'x',
  action: 'x',
  text: 'x',
  pattern: '*',
  field: 'ls240.*',
  shell: 'bash',
  '--from': '-1h',
  '--out': 'out',
}
/** Names of arguments and values that are files or folders. */
const PATHS = ['file', 'folder', 'script']
/** Commands that only print, or are prefixes of others, and `chaos`, which pulls cables. */
const APART = ['completion', 'complete', 'chaos']

/** A command as declared: its words, its required arguments, and its options. */
interface Declared {
  readonly words: readonly string[]
  readonly command: Command
}

/** Every command at any depth that does something by itself. */
async function everyCommand(): Promise<Declared[]> {
  const nothing = { signal: new AbortController().signal, env: {}, out() {}, err() {}, terminal: false }
  const walk = (command: Command, words: readonly string[]): Declared[] => {
    const subs = command.commands.filter((sub) => sub.name() !== 'help')
    // A command with subcommands does something by itself if it has flags.
    const acts = words.length > 0 && (subs.length === 0 || command.options.length > 0)
    return [
      ...(acts ? [{ words, command }] : []),
      ...subs.flatMap((sub) => walk(sub, [...words, sub.name()])),
    ]
  }
  const all = walk(await declared([], { ...nothing, size: () => ({ columns: 80, rows: 24 }) }), [])
  return all.filter(({ words: [first = ''] }) => !APART.includes(first))
}

/** The required arguments of a command, except for the path `wrong`. */
function whole({ words, command }: Declared, wrong: string | undefined): string[] {
  const flags = command.options.flatMap(({ mandatory, long }) => {
    return mandatory && long && long !== wrong ? [`${long}=${GIVEN[long] ?? `no ${long}`}`] : []
  })
  const has = (long: string) => wrong !== long && command.options.some((option) => option.long === long)
  const site = has('--site-file') ? ['--site-file', YALE] : []
  const host = command.options.some((option) => option.long === '--site-host') ? ['--site-host=grumpy'] : []
  const instance =
    has('--instance-id') && words[0] !== 'datanode'
      ? [`--instance-id=${INSTANCES[words[0] ?? ''] ?? 'ls240'}`]
      : []
  const args = command.registeredArguments.flatMap((argument) => {
    const name = argument.name()
    if (name === wrong) return ['PATH']
    return argument.required ? [GIVEN[name] ?? name] : []
  })
  return [...words, ...args, ...flags, ...site, ...host, ...instance]
}
const INSTANCES: Readonly<Record<string, string>> = { aggregate: 'aggregator' }

/** Every command with `PATH` in each place that takes a file or a folder. */
function withPaths(one: Declared): string[][] {
  const { command } = one
  const flags = command.options.filter(({ flags: text }) => PATHS.includes(/<(.+)>/.exec(text)?.[1] ?? ''))
  const args = command.registeredArguments
    .map((argument) => argument.name())
    .filter((name) => PATHS.includes(name))
  return [
    ...flags.map(({ long }) => [...whole(one, long ?? ''), `${long}`, 'PATH']),
    ...args.map((name) => whole(one, name)),
  ]
}

/** Wrong things at the path; pipes have no writer. */
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
  'of another account': (path, lab) => {
    writeFileSync(path, '', { mode: 0o600 })
    return lab.program('chown', ['chown', '65534', path]).ended()
  },
  'dangling link': (path, lab) => lab.program('ln', ['ln', '-s', '/nowhere/at/all', path]).ended(),
}
/** Makes access rights apply to root as well. */
const AS_ANYONE = [
  'setpriv',
  '--bounding-set=-dac_override,-dac_read_search',
  '--inh-caps=-dac_override,-dac_read_search',
]

/** Texts that nobody should have to read: names of the system's errors, of zod's, and stacks. */
const RAW =
  /\bE(?:NOENT|ACCES|PERM|NOTDIR|ISDIR|ROFS|NXIO|LOOP|INVAL|EXIST|CONNREFUSED|CONNRESET|HOSTUNREACH|NETUNREACH|TIMEDOUT|NOTFOUND|AI_AGAIN|ADDRINUSE|PIPE)\b|ZodError|Invalid input|"code": *"|errno|HPE_|SQLITE_|^ {2,}at /m

interface Tried {
  readonly words: readonly string[]
  readonly what: string
  readonly code: number | null
  readonly said: string
}

/** What is wrong with how a command has ended; undefined if nothing is. */
function fault({ words, what, code, said }: Tried): string | undefined {
  const told = `${what}: ocs ${words.join(' ')}: exit code ${code}:\n${said}`
  if (code === null || code > 3) return `does not end by itself: ${told}`
  // Faults in a user's own test are reported by Bun's runner.
  if (words[0] !== 'test' && RAW.test(said)) return `raw: ${told}`
  if (code !== 0 && !/^(?:ocs|error): \S/m.test(said)) return `says nothing: ${told}`
  return undefined
}

/** Runs a command where something is wrong. A command that works without a fault is stopped. */
async function tried(
  lab: Lab,
  words: readonly string[],
  what: string,
  cwd: string,
  until = /waiting for the hub|listening on|starting \w+Agent|idle:|^ROLE|Ctrl-C stops|seed/,
): Promise<Tried> {
  const name = `${words.slice(0, 2).join('-')}-${what}`.replaceAll(/\W/g, '-')
  const running = lab.program(name, [...AS_ANYONE, ...OCS, ...words], { cwd })
  // A role that waits or works reports that.
  const works = running.says(until, PATIENCE).catch(() => {})
  await Promise.race([works, running.ended(PATIENCE).catch(() => {})])
  running.signal('SIGTERM')
  const { code } = await running.ended(PATIENCE).catch(() => running.kill())
  return { words, what, code: running.end?.signal === 'SIGTERM' ? 0 : code, said: running.text() }
}

/** Does all of it, some at a time. */
async function each<T>(
  all: readonly T[],
  act: (one: T) => Promise<Tried>,
  atOnce = AT_ONCE,
): Promise<Tried[]> {
  const left = [...all]
  const done: Tried[] = []
  const lane = async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) done.push(await act(one))
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return done
}

test('files and folders that are wrong', async () => {
  await using lab = new Lab()
  let nth = 0
  const commands = await everyCommand()
  const all = [...commands.flatMap(withPaths), ...OTHERS]
  const cases = all.flatMap((words) => Object.keys(WRONG).map((what) => ({ words, what })))
  figure(`commands: ${commands.length}, places: ${all.length}, with what is wrong: ${cases.length}`)
  const done = await each(cases, async ({ words, what }) => {
    const cwd = lab.path(`case-${nth++}`)
    mkdirSync(cwd)
    const parent = what === 'a file in place of its folder'
    if (parent) writeFileSync(`${cwd}/wrong`, '')
    const path = parent ? `${cwd}/wrong/below.ts` : `${cwd}/wrong.ts`
    await WRONG[what]?.(path, lab)
    return tried(
      lab,
      words.map((word) => word.replace(/FILE|DIR|PATH/, path)),
      what,
      cwd,
    )
  })
  expect(done.length).toBe(cases.length)
  expect(done.flatMap((one) => fault(one) ?? []).join('\n\n')).toBe('')
})

/** Roles, which wait for their hub, and commands that work without one. */
const ROLES: readonly string[] = ['agent', 'aggregate', 'datanode', 'bridge']
const ALONE: readonly string[] = [
  'hub',
  'up',
  'systemd',
  'check',
  'grafana',
  'record',
  'audit',
  'spool',
  'login',
]
/** Additional requirements of roles, by their last word. */
const BESIDES: Readonly<Record<string, readonly string[]>> = {
  thermometry: ['--target=ls240', '--name=LSA21OQ'],
  archive: ['--data-dir=.', '--index-dir=index'],
  bridge: ['--listen=127.0.0.1:0'],
}
/** A role's report of why it waits. */
const WAITING = /waiting for the hub at \S+ \(ocs hub\): \w/

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
    ['says nothing', await serve(() => {}), /\(nothing there answers like a hub/],
    [
      'no MQTT',
      await serve((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
      /\((?:nothing there|what answers)/,
    ],
  ]
  const asking = (await everyCommand()).filter(({ words: [first = ''], command }) => {
    return command.options.some(({ long }) => long === '--site-hub') && !ALONE.includes(first)
  })
  figure(`commands that ask a hub: ${asking.length}`)
  const cases = asking
    .map((one) => [...whole(one, undefined), ...(BESIDES[one.words.at(-1) ?? ''] ?? [])])
    .flatMap((words, nth) =>
      hubs.flatMap(([what, at, why]) =>
        // All clients reach their hub in the same way.
        (nth === 0 ? ['mqtt', 'ws'] : ['mqtt']).map((scheme) => ({
          words,
          what,
          url: `${scheme}://${at}`,
          why,
        })),
      ),
    )
  const wrong: string[] = []
  let nth = 0
  const done = await each(
    cases,
    async ({ words, what, url, why }) => {
      const cwd = lab.path(`hub-case-${nth++}`)
      mkdirSync(cwd)
      const isRole = ROLES.includes(words[0] ?? '') && words[1] !== 'refill'
      // Instances of the same name would interfere.
      const state = isRole && words[0] !== 'bridge' ? ['--state-dir', `${cwd}/state`] : []
      const all = [...words, ...state, '--site-hub', url]
      const one = await tried(lab, all, what, cwd, isRole ? WAITING : /(?!)/)
      const isTold = isRole ? one.code === 0 && WAITING.test(one.said) : one.code === 3 && why.test(one.said)
      if (!isTold) wrong.push(`${one.words.join(' ')}: ${one.code} ${one.said}`)
      return one
    },
    2 * AT_ONCE,
  )
  expect(wrong.join('\n\n')).toBe('')
  expect(done.flatMap((one) => fault(one) ?? []).join('\n\n')).toBe('')
})
