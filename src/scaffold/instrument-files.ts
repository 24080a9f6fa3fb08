import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { ConfigError, UsageError } from '../core/errors.ts'
import { ownFile } from '../machine/own-files.ts'

const EXAMPLE = 'pressure-gauge'

/** What was written, relative to the working directory. */
export interface Begun {
  readonly files: readonly string[]
  readonly test: string
  /** Whether it is one of the instruments of this clone now. */
  readonly inside: boolean
  /** The lines that make it an instance of a site file, and show its readings on the page. */
  readonly block: string
}

/**
 * Writes the declaration, the dialog and the test of a new instrument, and names it where this clone names its own.
 * @param out the folder; in a clone of ocs by default where its own instruments are, else the working directory
 * @throws UsageError for a name that is none, ConfigError for one that is taken
 */
export function beginInstrument(name: string, out: string | undefined): Begun {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name))
    throw new UsageError(`"${name}": use lower case letters, digits and hyphens, such as ${EXAMPLE}`)
  const inside = out === undefined && isClone(process.cwd())
  const files = inside ? insideClone(name) : besides(name, resolve(out ?? '.'))
  const taken = files.find(({ path }) => existsSync(path))
  if (taken) throw new ConfigError(`${taken.path} is there already: choose another name`)
  if (inside) register(name)
  for (const { path, text } of files) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  const shown = files.map(({ path }) => relative(process.cwd(), path))
  const test = shown.find((path) => path.endsWith('.test.ts')) ?? ''
  return { files: shown, test, inside, block: blockOf(name, inside) }
}

/** The example's entries of `agent-instances:`: itself, its module beside the site file, and its data node. */
function blockOf(name: string, inside: boolean): string {
  const [, block = ''] = renamed(name, 'site.yaml').split(/^ *agent-instances:\n/m)
  return inside ? block.replace(/^ *module: .*\n/m, '') : block
}

interface Written {
  readonly path: string
  readonly text: string
}

/** The example's files, its names replaced. */
function renamed(name: string, file: string): string {
  const text = readFileSync(ownFile(join('examples', EXAMPLE, file)), 'utf8')
  return text
    .replaceAll(EXAMPLE, name)
    .replaceAll('PressureGaugeAgent', classOf(name))
    .replaceAll('pressure gauge', wordsOf(name))
}

const wordsOf = (name: string) => name.replaceAll('-', ' ')
const classOf = (name: string) =>
  `${name.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())}Agent`

/** A module of one's own: three files side by side. */
function besides(name: string, folder: string): Written[] {
  return ['.ts', '.yaml', '.test.ts'].map((ending) => ({
    path: join(folder, `${name}${ending}`),
    text: renamed(name, `${EXAMPLE}${ending}`),
  }))
}

/** As the instruments of ocs itself: imports by path, the dialog with the others. */
function insideClone(name: string): Written[] {
  const own = (text: string) =>
    text
      .replaceAll(/'ocs\/testing'/g, "'../../test/running-agent.ts'")
      .replace("import { z } from 'ocs'", "import { z } from 'zod'")
      .replaceAll(/'ocs\/([\w/-]+)'/g, "'../$1.ts'")
      .replace(`./${name}.yaml`, `../../fixtures/dialogs/${name}.yaml`)
      .replace(`ocs sim module ${name}.ts`, `ocs sim ${name}`)
  return [
    { path: resolve('src', 'agents', `${name}.ts`), text: own(renamed(name, `${EXAMPLE}.ts`)) },
    { path: resolve('fixtures', 'dialogs', `${name}.yaml`), text: renamed(name, `${EXAMPLE}.yaml`) },
    { path: resolve('src', 'agents', `${name}.test.ts`), text: own(renamed(name, `${EXAMPLE}.test.ts`)) },
  ]
}

/** Adds the line that names an instrument. @throws ConfigError when the file does not look as it should */
function register(name: string): void {
  const path = 'src/launch/agents.ts'
  const line = `  ${classOf(name)}: () => import('../agents/${name}.ts'),\n`
  const after = /^const classes: .*= \{\n/m
  const source = readFileSync(path, 'utf8')
  const [head] = after.exec(source) ?? []
  if (head === undefined)
    throw new ConfigError(`${path}: no place found for "${line.trim()}": add it yourself`)
  writeFileSync(
    path,
    source.replace(head, () => head + line),
  )
}

function isClone(folder: string): boolean {
  try {
    const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: string }
    return name === 'ocs' && existsSync(join(folder, 'src/launch/agents.ts'))
  } catch {
    return false
  }
}
