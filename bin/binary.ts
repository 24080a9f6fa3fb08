/**
 * Builds the single-file `ocs`, which needs nothing else, for Linux on PCs and on ARM: `npm run binary [--
 * x64|arm64 …]`. Output goes to `binary/`. Bun for the other processor comes from npm, in the version of the
 * lockfile.
 */
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeDocs } from '../docs/site/build.ts'
import manifest from '../package.json' with { type: 'json' }
import { BY_PATH, common, compiled, exported, root } from './bundle.ts'

/** Processors by Node's name and the name in npm's packages of Bun. */
const CPUS = { x64: 'x64', arm64: 'aarch64' } as const
export type Cpu = keyof typeof CPUS

/**
 * Files that are read by path: the page, the docs, what the demo and `ocs new` need, and the Python code that
 * runs agents.
 */
const ASSETS = [
  ...['package.json', 'python', 'examples/pressure-gauge', 'fixtures/sites/demo.yaml', 'fixtures/weather'],
  ...['src/bridge/page', 'src/core', 'src/chaos/read_g3.py', 'dist/docs.tar.zst'],
  ...['uPlot.esm.js', 'uPlot.min.css'].map((file) => `node_modules/uplot/dist/${file}`),
]

/**
 * Bun for a processor: the one that runs this, or npm's package of it.
 * @throws Error if its version is not the lockfile's
 */
async function bunFor(cpu: Cpu): Promise<string> {
  if (cpu === process.arch) return process.execPath
  const name = `@oven/bun-linux-${CPUS[cpu]}`
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const { version, integrity } = lock.packages[`node_modules/${name}`]
  const folder = mkdtempSync(join(tmpdir(), 'ocs-bun-'))
  const run = async (...command: string[]) => {
    const child = Bun.spawn(command, { cwd: folder, stdout: 'pipe', stderr: 'inherit' })
    const text = await child.stdout.text()
    if ((await child.exited) !== 0) throw new Error(`${command.join(' ')} failed`)
    return text.trim()
  }
  const file = join(folder, await run('npm', 'pack', '--silent', `${name}@${version}`))
  const hash = `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`
  if (hash !== integrity) throw new Error(`${name}@${version} is not what package-lock.json has: ${hash}`)
  await run('tar', '-xzf', file)
  return join(folder, 'package', 'bin', 'bun')
}

/** A tree with only the assets, at their paths in the clone: each is embedded under its top-level name. */
function staged(): string {
  const tree = mkdtempSync(join(tmpdir(), 'ocs-assets-'))
  for (const path of ASSETS)
    cpSync(join(root, path), join(tree, path), {
      recursive: true,
      filter: (file) => !/\/src\/.*\.test(?:-aid)?\.ts$/.test(file),
    })
  return tree
}

/**
 * Builds the single binary for a processor.
 * @returns its path
 * @throws Error when the build fails
 */
export async function makeBinary(cpu: Cpu): Promise<string> {
  const folder = join(root, 'binary')
  mkdirSync(folder, { recursive: true })
  const outfile = join(folder, `ocs-${manifest.version}-linux-${cpu}`)
  rmSync(outfile, { force: true })
  await makeDocs()
  const tree = staged()
  await Bun.build({
    ...common,
    ...compiled,
    // Bytecode is for the processor of the Bun that makes it.
    bytecode: cpu === process.arch,
    entrypoints: [...BY_PATH, ...exported.map(([, file]) => file)].map((path) => join(root, path)),
    compile: {
      ...compiled.compile,
      target: `bun-linux-${cpu}`,
      executablePath: await bunFor(cpu),
      outfile,
      assets: readdirSync(tree).map((name) => join(tree, name)),
    },
  })
  rmSync(tree, { recursive: true })
  return outfile
}

/**
 * The processors named on a command line; all by default.
 * @throws Error for one that is not supported
 */
export function cpusOf(words: readonly string[]): Cpu[] {
  const unknown = words.filter((word) => !Object.hasOwn(CPUS, word))
  if (unknown.length > 0)
    throw new Error(`there is no ${unknown.join(', ')}: ${Object.keys(CPUS).join(', ')}`)
  return (words.length > 0 ? words : Object.keys(CPUS)) as Cpu[]
}

if (import.meta.main)
  for (const cpu of cpusOf(process.argv.slice(2))) process.stdout.write(`${await makeBinary(cpu)}\n`)
