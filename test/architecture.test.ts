import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { may, reserved } from './architecture.ts'

/** The folder that may import each third-party package; two if there is a reason. */
const home: Record<string, string | readonly string[]> = {
  commander: 'commands',
  yaml: 'site',
  // `chaos` has a client that is not one of ours, and does what ours cannot.
  mqtt: ['bus', 'chaos'],
  aedes: 'broker',
  'mqtt-packet': 'broker',
  '@serialport/stream': 'instrument',
  '@serialport/parser-readline': 'instrument',
  '@serialport/bindings-interface': 'instrument',
  // Both ends of a protocol: an instrument, and a simulated one.
  'modbus-serial': ['instrument', 'simulators'],
  'net-snmp': ['instrument', 'simulators'],
  hono: 'bridge',
  nodemailer: 'agents',
  re2js: 'bridge',
  uplot: 'bridge',
  'hyparquet-writer': 'storage',
}
/** Within a wing: which parts of it a folder may import; a folder that is not listed may import all of it. */
const within: Record<string, readonly string[]> = {
  'storage/g3': [],
  'storage/elsewhere': [],
  'storage/recorder': ['storage/g3', 'storage/elsewhere'],
  'storage/archive': ['storage/g3', 'storage/elsewhere'],
  'storage/push': ['storage/recorder', 'storage/elsewhere'],
  'instrument/transport': [],
  'runtime/spool': [],
  'core/arguments': ['core'],
  'core/declaration': ['core'],
  'core/recording': ['core'],
  'bridge/page': [],
}
/** A command leaves these to the folders beneath: it only parses words and calls. */
const NOT_IN_COMMANDS = /^(bun:sqlite|node:(net|fs|http|https|http2|tls|dgram|sqlite|child_process)(\/.*)?)$/
const CALLS_NOT_IN_COMMANDS = /\bBun\.(?:file|write|serve|listen|connect|spawn)\b|\bfetch\(/
const scan = new Bun.Transpiler({ loader: 'ts' })

interface Import {
  readonly file: string
  /** A path from the root, for a file of this project; else a package. */
  readonly path: string
}

/** All imports of the sources, including those of types, without tests and their aids. */
async function imports(): Promise<Import[]> {
  const found: Import[] = []
  for (const file of [...new Bun.Glob('{src,bin}/**/*.ts').scanSync('.')].sort()) {
    if (isTest(file)) continue
    const text = await Bun.file(file).text()
    for (const path of importsOf(text))
      found.push({ file, path: path.startsWith('.') ? normalize(join(dirname(file), path)) : path })
  }
  return found
}

/**
 * The imports of a text. `scanImports` leaves out imports used only for their types, in a statement or in a
 * type.
 */
function importsOf(text: string): string[] {
  const statements = text.matchAll(/^(?:import|export)\b[^'"`;=()]*\bfrom ['"]([^'"]+)['"]/gm)
  const types = text.matchAll(/\bimport\(\s*['"]([^'"$]+)['"]\s*\)/g)
  const found = [...statements, ...types].map(([, path]) => path ?? '')
  return [...new Set([...scan.scanImports(text).map(({ path }) => path), ...found])]
}

test.each([
  ["import { a } from 'x'"],
  ["import type { A } from 'x'"],
  ["import { type A } from 'x'"],
  ["export { type A } from 'x'"],
  ["export * from 'x'"],
  ["type T = import('x').T"],
  ["const load = () => import('x')"],
])('an import is seen: %s', (text) => {
  expect(importsOf(text)).toEqual(['x'])
})

function isTest(file: string): boolean {
  return /\.test(-aid)?\.ts$/.test(file)
}

/** `src/core/arguments/coerce.ts`: room `core`, folder `core/arguments`. */
function roomOf(file: string): string {
  return file.startsWith('src/') ? (file.split('/')[1] ?? '') : (file.split('/')[0] ?? '')
}
function folderOf(file: string): string {
  return dirname(file).replace(/^src\/?/, '')
}

test('each folder imports only the folders below it', async () => {
  const wrong = (await imports()).filter(({ file, path }) => {
    if (!path.startsWith('src/')) return path.startsWith('test/')
    const [from, to] = [roomOf(file), roomOf(path)]
    return to !== from && may[from] !== '*' && !may[from]?.includes(to)
  })
  expect(wrong).toEqual([])
})

test('every folder of src is a room with a line of its own', () => {
  const rooms = new Set([...new Bun.Glob('src/**/*.ts').scanSync('.')].map(roomOf))
  expect([...rooms].filter((room) => !(room in may)).sort()).toEqual([])
  const empty = Object.keys(may).filter((room) => room !== 'bin' && !rooms.has(room))
  expect(empty.sort()).toEqual([...reserved].sort())
})

/** A block of CONTRIBUTING.md between two texts. */
async function contributing(from: string, to: string): Promise<string> {
  const text = await Bun.file('CONTRIBUTING.md').text()
  return text.split(from)[1]?.split(to)[0] ?? ''
}

test('the picture of CONTRIBUTING has every room, and each imports what stands below it alone', async () => {
  const lines = (await contributing('## Rooms', '| room'))
    .split('```')[1]
    ?.trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
  const floor = new Map(lines?.flatMap((rooms, at) => rooms.map((room) => [room, at] as const)))
  expect(lines?.flat().sort()).toEqual(Object.keys(may).sort())
  const wrong = Object.entries(may).flatMap(([room, below]) =>
    (below === '*' ? Object.keys(may).filter((other) => other !== room && other !== 'bin') : below)
      .filter((other) => (floor.get(other) ?? 0) <= (floor.get(room) ?? 0))
      .map((other) => `${room} → ${other}`),
  )
  expect(wrong).toEqual([])
})

test('the table of CONTRIBUTING says of each room what it may import', async () => {
  const rows = [
    ...(await contributing('| room', '| a new')).matchAll(/^\| `([\w.]+)` +\|[^|]*\| *([^|]*?) *\|/gm),
  ]
  const told = rows.map(([, room = '', list = '']) => [
    room,
    list === 'all' ? '*' : list.split(' ').filter(Boolean).sort(),
  ])
  const sorted = Object.entries(may).map(([room, list]) => [room, list === '*' ? list : [...list].sort()])
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(sorted))
  const kept = rows.filter(([row]) => row.includes('| reserved: ')).map(([, room = '']) => room)
  expect(kept.sort()).toEqual([...reserved].sort())
})

/** The part of a wing that contains a folder. */
function partOf(folder: string): string | undefined {
  return Object.keys(within).find((part) => folder === part || folder.startsWith(`${part}/`))
}

test('where a new thing goes: the files and folders that CONTRIBUTING names are there', async () => {
  const table = await contributing('| a new', '## Style')
  const named = [...table.matchAll(/`(src\/[\w./-]+)`/g)].map(([, path = '']) => path)
  expect(named.length).toBeGreaterThan(10)
  const written = named.map((path) => (/[A-Z]{3,}/.test(path) ? dirname(path) : path))
  const missing = written.filter((path) => !existsSync(path) && !reserved.includes(roomOf(`${path}/`)))
  expect(missing).toEqual([])
})

test('within a wing a part imports only the parts below it', async () => {
  const wrong = (await imports()).filter(({ file, path }) => {
    const [from, to] = [folderOf(file), folderOf(path)]
    if (!path.startsWith('src/') || roomOf(file) !== roomOf(path) || from === to) return false
    const part = partOf(from)
    return part !== undefined && partOf(to) !== part && !within[part]?.includes(partOf(to) ?? to)
  })
  expect(wrong).toEqual([])
})

test('no file imports itself in a circle, types included', async () => {
  const next = new Map<string, string[]>()
  for (const { file, path } of await imports()) {
    next.set(file, [...(next.get(file) ?? []), path])
  }
  expect(circle(next)).toBeUndefined()
  expect(circle(new Map(Object.entries({ a: ['b'], b: ['c'], c: ['b'] })))).toEqual(['b', 'c', 'b'])
})

/** An import cycle of a file. */
function circle(next: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>()
  const walk = (file: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file]
    if (done.has(file)) return undefined
    for (const to of next.get(file) ?? []) {
      const found = walk(to, [...way, file])
      if (found) return found
    }
    done.add(file)
    return undefined
  }
  for (const file of next.keys()) {
    const found = walk(file, [])
    if (found) return found
  }
  return undefined
}

test('a command reads words: files, sockets and databases are for the folders beneath', async () => {
  const all = await imports()
  const inCommands = all.filter(({ file }) => roomOf(file) === 'commands')
  expect(inCommands.filter(({ path }) => NOT_IN_COMMANDS.test(path))).toEqual([])
  const sources = [...new Bun.Glob('src/commands/**/*.ts').scanSync('.')].filter((file) => !isTest(file))
  const calling: string[] = []
  for (const file of sources) {
    if (CALLS_NOT_IN_COMMANDS.test(await Bun.file(file).text())) calling.push(file)
  }
  expect(calling).toEqual([])
  const users = (file: string) => new Set(all.filter(({ path }) => path === file).map((one) => one.file))
  const noCommand = sources.filter(
    (file) =>
      users(file).size !== 1 && !all.some((one) => one.file === file && one.path.startsWith('commander')),
  )
  expect(noCommand).toEqual([])
})

test('each third-party package is imported in one folder', async () => {
  const wrong = (await imports()).filter(({ file, path }) => {
    const name = path.startsWith('@') ? path.split('/').slice(0, 2).join('/') : (path.split('/')[0] ?? '')
    if (/^(src|test|bin|docs|package\.json)/.test(path) || /^(bun|node)(:|$)/.test(path) || name === 'zod')
      return false
    return ![home[name] ?? []].flat().includes(roomOf(file))
  })
  expect(wrong).toEqual([])
})

test('a test aid is for tests, and has the name of one', async () => {
  expect((await imports()).filter(({ path }) => isTest(path))).toEqual([])
  expect((await imports()).filter(({ path }) => path === 'bun:test')).toEqual([])
})

test('no folder holds more than 40 source files, and no name stands twice in core, lab and runtime', () => {
  const counts = new Map<string, number>()
  const names = new Map<string, string[]>()
  for (const file of new Bun.Glob('src/**/*.ts').scanSync('.')) {
    if (isTest(file)) continue
    counts.set(folderOf(file), (counts.get(folderOf(file)) ?? 0) + 1)
    const name = file.split('/').at(-1) ?? ''
    if (/^(core|lab|runtime)$/.test(roomOf(file))) names.set(name, [...(names.get(name) ?? []), file])
  }
  expect([...counts].filter(([, count]) => count > 40)).toEqual([])
  expect([...names.values()].filter((files) => files.length > 1)).toEqual([])
})
