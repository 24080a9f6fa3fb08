/**
 * Makes the docs a site: `npm run docs`. It goes into `docs/.vitepress/dist`, for a server of web pages, and as one file into
 * `dist/docs.tar.zst`, which `ocs docs` shows. `-- --base=/lab/docs/` makes it for a server that has it beneath that
 * path; `-- --watch` serves it while it is written; `-- --spell` looks for misspelt words in all of it, the help of commands too.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { LIST } from '../../src/bridge/docs/docs-site.ts'
import { listOf } from './page-list.ts'
import { gather } from './pages.ts'

const ROOT = join(import.meta.dir, '..', '..')
const HOME = join(ROOT, 'docs', '.vitepress')
/** What `ocs docs` shows. */
const ARCHIVE = join(ROOT, 'dist', 'docs.tar.zst')

/** Runs a program to its end. @throws Error when it fails */
async function run(cwd: string, ...command: string[]): Promise<void> {
  const child = Bun.spawn(command, { cwd, stdout: 'inherit', stderr: 'inherit' })
  if ((await child.exited) !== 0) throw new Error(`${command.join(' ')} ended with ${child.exitCode}`)
}

/** Installs what makes the site, unless it is there: it is no part of ocs. */
async function install(): Promise<void> {
  const [lock, installed] = [
    join(HOME, 'package-lock.json'),
    join(HOME, 'node_modules', '.package-lock.json'),
  ]
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return
  await run(HOME, 'npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error')
}

/** Writes the pages to where VitePress takes them from; only what is another is written. */
async function place(): Promise<ReadonlyMap<string, string>> {
  const { pages, files } = await gather()
  const folder = join(HOME, 'pages')
  const wanted = new Set([...pages.keys(), ...files.keys()])
  const there = existsSync(folder) ? [...new Bun.Glob('**/*').scanSync(folder)] : []
  for (const path of there) if (!wanted.has(path)) rmSync(join(folder, path))
  for (const path of wanted) mkdirSync(dirname(join(folder, path)), { recursive: true })
  for (const [path, from] of files) cpSync(join(ROOT, from), join(folder, path))
  for (const [path, text] of pages) {
    const file = join(folder, path)
    if (!existsSync(file) || readFileSync(file, 'utf8') !== text) writeFileSync(file, text)
  }
  return pages
}

/** Packs the site; the same pages make the same archive. */
async function pack(from: string, pages: ReadonlyMap<string, string>): Promise<void> {
  const names = readdirSync(from, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(from.length + 1))
    .sort()
  const files: Record<string, Buffer | string> = Object.fromEntries(
    names.map((name) => [name, readFileSync(join(from, name))]),
  )
  files[LIST] = JSON.stringify(listOf(pages))
  mkdirSync(dirname(ARCHIVE), { recursive: true })
  // What stands beside each page is the same on all: zstd sees that, gzip looks back less far than a page is long.
  await Bun.write(ARCHIVE, await Bun.zstdCompress(await new Bun.Archive(files).bytes(), { level: 9 }))
}

/** Another one whenever the site would be: of all that it is made from. */
async function inputs(): Promise<string> {
  const hash = new Bun.CryptoHasher('sha256')
  const { pages, files } = await gather()
  for (const [path, text] of pages) hash.update(`${path}\0${text}\0`)
  for (const [path, from] of files) hash.update(`${path}\0`).update(readFileSync(join(ROOT, from)))
  const own = ['*.ts', 'theme/*'].flatMap((glob) => [...new Bun.Glob(glob).scanSync(HOME)].sort())
  for (const path of ['package-lock.json', ...own]) hash.update(readFileSync(join(HOME, path)))
  return hash
    .update(readFileSync(import.meta.path))
    .digest('hex')
    .slice(0, 16)
}

/**
 * Makes the archive of the site that `ocs docs` shows. One that was made of the same pages before is taken again.
 * @throws Error when it cannot be made
 */
export async function makeDocs(): Promise<void> {
  const made = join(HOME, 'cache', `docs-${await inputs()}.tar.zst`)
  if (!existsSync(made)) {
    await build('/')
    rmSync(join(HOME, 'cache'), { recursive: true, force: true })
    mkdirSync(join(HOME, 'cache'), { recursive: true })
    cpSync(ARCHIVE, made)
  }
  mkdirSync(dirname(ARCHIVE), { recursive: true })
  cpSync(made, ARCHIVE)
}

/** Builds the site into a folder; and packs it where it is for the top of a server. @param base the path that it lies beneath there */
async function build(base: string): Promise<void> {
  await install()
  const pages = await place()
  await run(HOME, join(HOME, 'node_modules', '.bin', 'vitepress'), 'build', '..', '--base', base)
  if (base === '/') await pack(join(HOME, 'dist'), pages)
}

/** Looks for words that are in no dictionary, and not among ours (`docs/.vitepress/words.txt`). @throws Error when there are any */
async function spell(): Promise<void> {
  const flags = ['--config', 'cspell.json', '--no-progress', '--no-gitignore', '--dot', '--show-suggestions']
  await run(HOME, join(HOME, 'node_modules', '.bin', 'cspell'), ...flags, 'pages/**/*.md')
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { base: { type: 'string' }, watch: { type: 'boolean' }, spell: { type: 'boolean' } },
  })
  if (values.watch || values.spell) {
    await install()
    await place()
  }
  if (values.spell) {
    await spell()
    process.exit()
  }
  if (values.watch) {
    watch(join(ROOT, 'docs'), (_, name) => {
      if (name?.endsWith('.md')) place().catch((error) => process.stderr.write(`${error.message}\n`))
    })
    await run(HOME, join(HOME, 'node_modules', '.bin', 'vitepress'), 'dev', '..')
    process.exit()
  }
  await build(values.base ?? '/')
}
