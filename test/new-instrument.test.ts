import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PROGRAM } from '../src/host/children.ts'

// Each test starts five processes and more.
const PATIENCE_MS = 600_000
setDefaultTimeout(PATIENCE_MS)

const ROOT = join(import.meta.dir, '..')
const folder = mkdtempSync(join(tmpdir(), 'ocs-new-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs a program to its end. */
async function run(cwd: string, ...command: string[]) {
  const child = Bun.spawn(command, { cwd, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()])
  return { code: await child.exited, out, err }
}
const ocs = (cwd: string, root: string, ...args: string[]) =>
  run(cwd, process.execPath, ...PROGRAM.slice(1, -1), join(root, 'bin', 'ocs.ts'), ...args)
const bunTest = (cwd: string, ...args: string[]) =>
  run(cwd, process.execPath, 'test', '--timeout', String(PATIENCE_MS), ...args)

test('an instrument of one’s own: what is written passes its test, and is simulated', async () => {
  const own = join(folder, 'own')
  // Nothing is installed or linked in this folder.
  mkdirSync(own)
  const { code, out, err } = await ocs(own, ROOT, 'new', 'instrument', 'ion-gauge')
  expect([code, out, err]).toEqual([
    0,
    'ion-gauge.ts\nion-gauge.yaml\nion-gauge.test.ts\n',
    expect.any(String),
  ])
  expect(readFileSync(join(own, 'ion-gauge.ts'), 'utf8')).toContain("class: 'IonGaugeAgent'")
  expect(err).toContain('Next: ocs test ion-gauge.test.ts\n')
  for (const file of ['ion-gauge.test.ts', 'ion-gauge.ts']) {
    const tested = await ocs(own, ROOT, 'test', file)
    expect([file, tested.code, tested.err]).toEqual([file, 0, expect.stringContaining('1 pass')])
  }
  // A failing test is reported by the exit code, a missing file by the message.
  const spoilt = readFileSync(join(own, 'ion-gauge.test.ts'), 'utf8').replace('[1.2e-5]', '[1.3e-5]')
  writeFileSync(join(own, 'spoilt.test.ts'), spoilt)
  expect(await ocs(own, ROOT, 'test', 'spoilt.test.ts')).toMatchObject({
    code: 1,
    err: expect.stringContaining('spoilt.test.ts: a test fails'),
  })
  expect(await ocs(own, ROOT, 'test', 'gone.test.ts')).toMatchObject({ code: 2 })
  // A failed task says why.
  const unset = readFileSync(join(own, 'ion-gauge.test.ts'), 'utf8').replace("unit: 'torr'", "unit: 'mbar'")
  writeFileSync(join(own, 'unset.test.ts'), unset)
  expect(await ocs(own, ROOT, 'test', 'unset.test.ts')).toMatchObject({
    code: 1,
    err: expect.stringContaining('is not in this dialog'),
  })

  // A site file accepts the printed block: the instrument, and the data node that shows it on the page.
  const block = err.slice(err.indexOf('      - instance-id'))
  expect(block).toContain('arguments: [--target, ion-gauge, --name, ion-gauge, --feed, all]\n')
  const head = 'hub: {mqtt_server: "mqtt://127.0.0.1:1"}\nhosts:\n  localhost:\n    agent-instances:\n'
  writeFileSync(join(own, 'site.yaml'), head + block)
  expect(
    await ocs(folder, ROOT, 'check', '--file-only', '--site-file', join(own, 'site.yaml')),
  ).toMatchObject({
    code: 0,
    out: expect.stringContaining('instances: 2'),
  })

  const words = ['sim', 'module', 'ion-gauge.ts', '--tcp=127.0.0.1:0', '--serial-number=7']
  const sim = Bun.spawn([process.execPath, join(ROOT, 'bin', 'ocs.ts'), ...words], {
    cwd: own,
    stderr: 'pipe',
  })
  const { value } = await sim.stderr.getReader().read()
  expect(new TextDecoder().decode(value)).toContain('ion-gauge.ts 7 at tcp://127.0.0.1:')
  sim.kill()
  await sim.exited

  expect(await ocs(own, ROOT, 'new', 'instrument', 'ion-gauge')).toMatchObject({
    code: 2,
    err: expect.stringContaining('ion-gauge.ts is there already'),
  })
  expect(await ocs(own, ROOT, 'new', 'instrument', 'Ion Gauge')).toMatchObject({
    code: 2,
    err: expect.stringContaining('lower case letters'),
  })
})

test('an instrument of ocs itself: written where the others are, named, tested as they are', async () => {
  const clone = join(folder, 'clone')
  for (const name of [
    'bin',
    'src',
    'test',
    'fixtures',
    'examples',
    'package.json',
    'tsconfig.json',
    'biome.json',
    '.gitignore',
  ])
    cpSync(join(ROOT, name), join(clone, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(clone, 'node_modules'))
  const { code, out, err } = await ocs(clone, clone, 'new', 'instrument', 'ion-gauge')
  expect([code, err]).toEqual([0, expect.stringContaining('npm test -- src/agents/ion-gauge.test.ts')])
  const files = out.trim().split('\n')
  expect(files).toEqual([
    'src/agents/ion-gauge.ts',
    'fixtures/dialogs/ion-gauge.yaml',
    'src/agents/ion-gauge.test.ts',
  ])
  const tested = await bunTest(clone, './src/agents/ion-gauge.test.ts')
  expect([tested.code, tested.err]).toEqual([0, expect.stringContaining('1 pass')])
  const all = await bunTest(clone, './src/launch/agents.test.ts', '-t', 'IonGaugeAgent')
  expect([all.code, all.err]).toEqual([0, expect.stringContaining('2 pass')])
  // An instrument is its declaration, its dialog, its test, and a line in the registry of classes.
  const changed = ['src/launch/agents.ts']
  const { out: differing } = await run(ROOT, 'diff', '-rq', join(ROOT, 'src'), join(clone, 'src'))
  expect(differing.match(/^Files .* differ$/gm)).toEqual([
    `Files ${join(ROOT, 'src/launch/agents.ts')} and ${join(clone, 'src/launch/agents.ts')} differ`,
  ])
  const biome = join(clone, 'node_modules', '.bin', 'biome')
  const linted = [...files.filter((file) => file.endsWith('.ts')), ...changed]
  expect(await run(clone, biome, 'check', '--error-on-warnings', ...linted)).toMatchObject({ code: 0 })
  expect((await ocs(clone, clone, 'sim', '--help')).out).toMatch(/ion-gauge.*Reads an? ion gauge/)
})
