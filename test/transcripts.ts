/** Pages whose commands are run exactly as written, by one shell, with a home and ports of their own. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { PROGRAM } from '../src/host/children.ts'
import { freePort } from '../src/host/spoken.test-aid.ts'

/** One step of a page, in order. */
export interface Step {
  /** Its page and heading. */
  readonly where: string
  readonly command: string
  /** The lines of output that the page shows; undefined for a step that the page does not show. */
  readonly shown?: readonly string[]
}
/** The result of a step. */
interface Result {
  readonly step: Step
  readonly output: string
}

/** Ports as pages name them; each is replaced by another where the commands run. */
const PORTS = [1883, 8001, 5000] as const
/** Milliseconds that all commands may take: less than a test, which ends the processes they have started. */
const LIMIT_MS = 540_000
const NUMBER = /\d+(?:[.,:]\d+)*/g
const BLOCK =
  /^(#+) ([^\n]*)$|^```console\n(.*?)^```$|^```(?:(?:yaml|python)\n#|ts\n\/\/) (\S+\.(?:yaml|ts|py))\n(.*?)^```$|^\[run\]: # '([^\n]*)'$/gms

/**
 * The steps of a page: commands of its `console` blocks (`$ `, continued by a backslash) with the lines
 * beneath; YAML, TypeScript and Python with a name in the first line, `# NAME.yaml`, `// NAME.ts`, as a file;
 * and commands that the page does not show, `[run]: # 'COMMAND'`, which Markdown takes for the target of a
 * link.
 */
export function stepsOf(page: string, text: string): Step[] {
  let heading = ''
  return [...text.matchAll(BLOCK)].flatMap(
    ([, level, title = '', console_, file, body = '', hidden]): Step[] => {
      if (level) heading = title
      const where = `${page}: ${heading}`
      if (hidden) return [{ where, command: hidden }]
      if (file) return [{ where, command: `cat > ${file} <<'END'\n${body}END` }]
      return (console_ ?? '')
        .split(/^\$ /m)
        .slice(1)
        .map((part) => {
          const [, command = '', rest = ''] = /^((?:.*\\\n)*.*)\n?([\s\S]*)$/.exec(part) ?? []
          return { where, command, shown: rest.trimEnd().split('\n') }
        })
    },
  )
}

/**
 * Whether an output matches the shown one: `…` stands for any text within a line, alone in its line for any
 * lines. Numbers may differ, and so may the space between words.
 */
export function fits(output: string, shown: readonly string[]): boolean {
  const plain = (text: string) =>
    text
      .replaceAll(NUMBER, '0')
      .replaceAll(/[ \t]+/g, ' ')
      .trim()
  const pattern = shown.map((line) =>
    plain(line) === '…' ? '(?:.*\n)*' : `${plain(line).split('…').map(RegExp.escape).join('.*')}\n`,
  )
  const lines = output.trimEnd().split('\n').map(plain)
  return new RegExp(`^${pattern.join('')}$`).test(`${lines.join('\n')}\n`)
}

/** Ends all remaining processes of a home: those of `ocs up --detach` outlive a shell that hangs. */
function endAllOf(home: string): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    try {
      if (readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`HOME=${home}`))
        process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It has ended, or belongs to another account.
    }
}

/** Runs steps one after the other; processes started in the background are ended after the last. */
async function runSteps(steps: readonly Step[]): Promise<Result[]> {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'ocs-pages-')))
  const bin = join(home, '.bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'ocs'), `#!/bin/sh\nexec ${PROGRAM.join(' ')} "$@"\n`)
  chmodSync(join(bin, 'ocs'), 0o755)
  const ports = new Map<number, number>()
  for (const port of PORTS) ports.set(port, await freePort())
  const here = (text: string) =>
    text.replaceAll(/\b(?:1883|8001|5000)\b/g, (port) => `${ports.get(Number(port))}`)
  const there = (text: string) =>
    [...ports]
      .reduce((now, [as, is]) => now.replaceAll(`${is}`, `${as}`), text)
      .replaceAll(home, '/home/lab')
      .replaceAll(`@${hostname()}`, '@vm')
  const script = [
    ...steps.map(({ command }, at) => `{ ${here(command)}\n} > ${home}/.out-${at} 2>&1 < /dev/null`),
    'ocs down; kill $(jobs -p); wait',
  ]
  // The Python with so3g, if the checks have one.
  const { OCS_SO3G_PYTHON: python, PATH: path } = process.env
  const { XDG_STATE_HOME: _, XDG_DATA_HOME: __, OCS_STATE_DIR: ___, ...env } = process.env
  try {
    const shell = Bun.spawn(['bash', '-c', script.join('\n')], {
      cwd: home,
      env: {
        ...env,
        HOME: home,
        PATH: [bin, ...(python ? [dirname(python)] : []), path].join(':'),
        USER: 'lab',
      },
      stdio: ['ignore', 'ignore', 'ignore'],
      timeout: LIMIT_MS,
    })
    await shell.exited
    return steps.map((step, at) => ({ step, output: there(readFileSync(join(home, `.out-${at}`), 'utf8')) }))
  } finally {
    endAllOf(home)
    rmSync(home, { recursive: true, force: true })
  }
}

/**
 * The differences between pages and the actual output of their commands, in the lab of the first page, whose
 * last section stops it.
 * @param root the folder that the pages are named from
 * @returns the number of commands that were compared, and a text for each that differs
 */
export async function tryPages(
  root: string,
  pages: readonly string[],
): Promise<{ compared: number; differ: string[] }> {
  const [first = [], ...others] = pages.map((page) => stepsOf(page, readFileSync(join(root, page), 'utf8')))
  const last = first.at(-1)?.where
  const isLast = ({ where }: Step) => where === last
  const all = [...first.filter((step) => !isLast(step)), ...others.flat(), ...first.filter(isLast)]
  const results = (await runSteps(all)).filter(({ step }) => step.shown)
  return {
    compared: results.length,
    differ: results
      .filter(({ step, output }) => !fits(output, step.shown ?? []))
      .map(({ step, output }) => `${step.where}: $ ${step.command}\n${output}`),
  }
}
