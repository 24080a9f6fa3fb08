import { expect, test } from 'bun:test'

/** Which sibling folders of `src/` each folder may import; only `commands` sees everything. */
const may: Record<string, readonly string[]> = {
  core: [],
  machine: ['core'],
  site: ['core'],
  bus: ['core'],
  broker: ['core', 'machine'],
  instrument: ['core'],
  storage: ['core'],
  // A simulated instrument behaves as the table of the real one says (docs/decisions/0011-instrument-tables.md).
  simulators: ['core', 'instrument'],
  host: ['core'],
  runtime: ['core', 'bus'],
  agents: ['core', 'instrument', 'storage'],
  datanode: ['core', 'instrument', 'storage'],
  grafana: ['core'],
  bridge: ['core', 'bus', 'runtime', 'grafana'],
  chaos: ['core', 'bus', 'runtime', 'storage', 'simulators', 'host'],
  'ocs.ts': ['core', 'site', 'runtime'],
}
/** The folder that may import each third-party package; two where there is a reason. */
const home: Record<string, string | readonly string[]> = {
  commander: 'commands',
  yaml: 'site',
  mqtt: 'bus',
  aedes: 'broker',
  '@serialport/stream': 'instrument',
  '@serialport/parser-readline': 'instrument',
  '@serialport/bindings-interface': 'instrument',
  // Both ends of a protocol: an instrument, and one that is simulated.
  'modbus-serial': ['instrument', 'simulators'],
  'net-snmp': ['instrument', 'simulators'],
  hono: 'bridge',
  nodemailer: 'agents',
  uplot: 'bridge',
  'hyparquet-writer': 'storage',
}
const scan = new Bun.Transpiler({ loader: 'ts' })

async function imports(): Promise<{ file: string; folder: string; path: string }[]> {
  const found: { file: string; folder: string; path: string }[] = []
  for (const file of new Bun.Glob('**/*.ts').scanSync('src')) {
    if (/\.test(-aid)?\.ts$/.test(file)) continue
    const text = await Bun.file(`src/${file}`).text()
    // scanImports leaves type-only imports out; a type from above is as wrong as a value.
    const types = [...text.matchAll(/import type [^'"]*from ['"]([^'"]+)['"]/g)].map((m) => ({
      path: m[1] ?? '',
    }))
    for (const { path } of [...scan.scanImports(text), ...types])
      found.push({ file, folder: file.split('/')[0] ?? '', path })
  }
  return found
}

test('each folder imports only the folders below it', async () => {
  const wrong = (await imports()).filter(({ file, folder, path }) => {
    if (folder === 'commands' || !path.startsWith('.')) return false
    const to = new URL(path, `file:///${file}`).pathname.split('/')[1] ?? ''
    return to !== folder && !may[folder]?.includes(to)
  })
  expect(wrong).toEqual([])
})

test('each third-party package is imported in one folder', async () => {
  const wrong = (await imports()).filter(({ folder, path }) => {
    const name = path.startsWith('@') ? path.split('/').slice(0, 2).join('/') : (path.split('/')[0] ?? '')
    if (path.startsWith('.') || /^(bun|node)(:|$)/.test(path) || name === 'zod') return false
    return ![home[name] ?? []].flat().includes(folder)
  })
  expect(wrong).toEqual([])
})
