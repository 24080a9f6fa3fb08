import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { ConfigError, UsageError } from '../core/errors.ts'
import type { Context } from './context.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const EXAMPLE = 'pressure-gauge'

/** `ocs new instrument NAME`: writes a declaration, a dialog and a test that pass as they are, to be changed. */
export function newCommand(context: Context): Command {
  const command = new Command('new').description('Begin something of your own.')
  command
    .command('instrument')
    .description('Write the declaration of an instrument, a dialog and a test; they pass as they are.')
    .argument('<name>', 'in lower case with hyphens: pressure-gauge')
    .option(
      '--out <folder>',
      'where to; in a clone of ocs by default where its own instruments are, else here',
    )
    .action((name: string, { out }: { out?: string }) => begin(name, out, context))
  return command
}

function begin(name: string, out: string | undefined, context: Context): void {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name))
    throw new UsageError(`"${name}": lower case letters, digits and hyphens, such as ${EXAMPLE}`)
  const inside = out === undefined && isClone(process.cwd())
  const files = inside ? insideClone(name) : besides(name, resolve(out ?? '.'))
  const taken = files.find(({ path }) => existsSync(path))
  if (taken) throw new ConfigError(`${taken.path} is there already: choose another name`)
  if (inside) register(name)
  for (const { path, text } of files) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    context.out(`${relative(process.cwd(), path)}\n`)
  }
  const test = files.find(({ path }) => path.endsWith('.test.ts'))?.path ?? ''
  const shown = relative(process.cwd(), test)
  context.err(
    inside
      ? `It is named in src/commands/agents.ts, its test and simulators.ts. Next: npm test -- ${shown}; docs: CONTRIBUTING.md\n`
      : `Next: npm link ocs; ${process.execPath} test ./${shown}\n`,
  )
}

interface Written {
  readonly path: string
  readonly text: string
}

/** The example's files, its names replaced. */
function renamed(name: string, file: string): string {
  const text = readFileSync(join(ROOT, 'examples', EXAMPLE, `${EXAMPLE}${file}`), 'utf8')
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
    text: renamed(name, ending),
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
    { path: resolve('src', 'agents', `${name}.ts`), text: own(renamed(name, '.ts')) },
    { path: resolve('fixtures', 'dialogs', `${name}.yaml`), text: renamed(name, '.yaml') },
    { path: resolve('src', 'agents', `${name}.test.ts`), text: own(renamed(name, '.test.ts')) },
  ]
}

/** Adds the lines that name an instrument. @throws ConfigError when a file does not look as it should */
function register(name: string): void {
  const lines: readonly (readonly [string, RegExp, string])[] = [
    [
      'src/commands/agents.ts',
      /^const classes: .*= \{\n/m,
      `  ${classOf(name)}: () => import('../agents/${name}.ts'),\n`,
    ],
    [
      'src/commands/simulators.ts',
      /^const tables: .*= \{\n/m,
      `  ${name.includes('-') ? `'${name}'` : name}: ['lines', 'A ${wordsOf(name)}.', () => import('../agents/${name}.ts')],\n`,
    ],
    [
      'src/commands/agents.test.ts',
      /^const given: .*= \{\n/m,
      `  ${classOf(name)}: ['--address', 'replay:fixtures/dialogs/${name}.yaml'],\n`,
    ],
  ]
  const changed = lines.map(([path, after, line]) => {
    const text = readFileSync(path, 'utf8')
    const [head] = after.exec(text) ?? []
    if (head === undefined)
      throw new ConfigError(`${path}: no place found for "${line.trim()}": add it by hand`)
    return { path, text: text.replace(head, () => head + line) }
  })
  for (const { path, text } of changed) writeFileSync(path, text)
}

function isClone(folder: string): boolean {
  try {
    const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: string }
    return name === 'ocs' && existsSync(join(folder, 'src/commands/agents.ts'))
  } catch {
    return false
  }
}
