/**
 * Makes one file for a machine without a network: `npm run offline [-- x64|arm64 …]`. `tar -xzf FILE -C
 * /usr/local` (or `-C ~/.local`) installs everything: the single binary, completion for three shells, the
 * docs, manual pages, the Python package and the examples. Output goes to `binary/`, with its checksum beside
 * it.
 */
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { writeManPages } from '../docs/site/man-pages.ts'
import { type Cpu, cpusOf, makeBinary } from './binary.ts'
import { root } from './bundle.ts'
import { sbom } from './sbom.ts'
import { sumLine } from './sum-line.ts'

/** Files of the clone, and where they are installed. */
const COPIED: Readonly<Record<string, string>> = {
  'README.md': 'share/doc/ocs/README.md',
  'CHANGELOG.md': 'share/doc/ocs/CHANGELOG.md',
  LICENSE: 'share/doc/ocs/LICENSE',
  docs: 'share/doc/ocs/docs',
  'fixtures/sites': 'share/doc/ocs/fixtures/sites',
  examples: 'share/doc/ocs/examples',
  python: 'share/ocs/python',
}
/** The source of the docs site; the binary contains the built site. */
const BUILDS_DOCS = /\/docs\/(?:\.vitepress|site)$/
/** Where shells look for completions by default. */
const COMPLETIONS = {
  bash: 'share/bash-completion/completions/ocs',
  zsh: 'share/zsh/site-functions/_ocs',
  fish: 'share/fish/vendor_completions.d/ocs.fish',
} as const

/** The completion script of a shell. */
async function scriptFor(shell: string): Promise<string> {
  const ocs = Bun.spawn([process.execPath, join(root, 'bin', 'ocs.ts'), 'completion', shell], {
    stdout: 'pipe',
  })
  const text = await ocs.stdout.text()
  if ((await ocs.exited) !== 0) throw new Error(`there is no completion for ${shell}`)
  return text
}

/**
 * Packs the files for a processor.
 * @returns the file; its checksum is in `FILE.sha256`
 */
async function makeOffline(cpu: Cpu): Promise<string> {
  const binary = await makeBinary(cpu)
  const tree = mkdtempSync(join(tmpdir(), 'ocs-offline-'))
  const place = (path: string) => {
    mkdirSync(dirname(join(tree, path)), { recursive: true })
    return join(tree, path)
  }
  cpSync(binary, place('bin/ocs'))
  chmodSync(join(tree, 'bin/ocs'), 0o755)
  for (const [from, to] of Object.entries(COPIED))
    cpSync(join(root, from), place(to), { recursive: true, filter: (file) => !BUILDS_DOCS.test(file) })
  for (const [shell, path] of Object.entries(COMPLETIONS)) writeFileSync(place(path), await scriptFor(shell))
  await writeManPages(place('share/man/man1'))
  writeFileSync(place('share/doc/ocs/sbom.cdx.json'), await sbom())
  const file = `${binary}.tar.gz`
  // The same files make the same archive, on any machine and at any time.
  const same = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0']
  const tar = Bun.spawn(['tar', ...same, '-czf', file, '-C', tree, 'bin', 'share'], { stderr: 'inherit' })
  if ((await tar.exited) !== 0) throw new Error(`tar could not write ${file}`)
  rmSync(tree, { recursive: true })
  writeFileSync(`${file}.sha256`, sumLine(file))
  return file
}

for (const cpu of cpusOf(process.argv.slice(2))) process.stdout.write(`${await makeOffline(cpu)}\n`)
