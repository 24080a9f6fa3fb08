/** What pages let be typed is run by a test somewhere, or stands here with the reason why it is not. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseCommand } from '../docs/site/parse-command.ts'
import { programs, typed } from './shell-lines.ts'

// Every page, and every test.
setDefaultTimeout(300_000)

const ROOT = join(import.meta.dir, '..')
const find = (...globs: readonly string[]) =>
  globs.flatMap((glob) => [...new Bun.Glob(glob).scanSync({ cwd: ROOT, dot: true })].sort())
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const pages = find('*.md', 'docs/*.md', 'examples/*/README.md')

/** Programs other than ocs, each with the file that runs it or with the reason why none does. */
const OTHERS: Readonly<Record<string, string>> = {
  npm: '.ci/run',
  curl: 'test/real/bridge-users.check.ts',
  mosquitto_sub: 'test/real/clients.check.ts',
  mosquitto_pub: 'test/real/clients.check.ts',
  python: 'test/real/cryostat-lab.check.ts',
  tmux: 'test/real/up-tmux.check.ts',
  'docker-compose': 'test/real/grafana.check.ts',
  './try.sh': 'test/real/cryostat-lab.check.ts',
  '.ci/long': 'not run: it is what runs the long checks',
  docker: 'not run: there is no Docker where the tests run; the pages mark these lines with †',
  ssh: 'not run: it needs a gateway; ssh -G has read the configuration',
  sudo: 'not run: it changes the machine; .ci/bare-debian runs what these lines install',
  ocsbow: 'not run: it stands for what a lab of OCS has so far',
  kill: 'not run: its number is that of a process of the reader',
  jq: 'not run: it calls a chat of the reader',
}
/** What a shell has itself. */
const SHELL = new Set(['cd', 'export', 'mkdir', 'for', 'cat', 'eval', 'source', '.', 'done'])

/** Whether a test, or a page that is run as it stands, has these words of a command. */
function isRun(command: string, sources: readonly string[]): boolean {
  const words = command.split(' ')
  const list = words.map((word) => `'${word}'`).join(',\\s*')
  const typed = `(?:\\bocs|\\$ocs"?|[\`'(]) ?${words.join(' +')}\\b`
  const helped = `\\b${words[0]}\\('${words[1]}'`
  const runs = new RegExp(`[[(,]\\s*${list}|${typed}|${helped}`)
  return sources.some((text) => runs.test(text))
}

test('each command that a page lets be typed is run by a test', async () => {
  const sources = find('test/**/*.ts', 'src/**/*.test.ts', '.ci/*', 'examples/*/try.sh')
    .filter((path) => !path.startsWith('test/docs') && !path.endsWith('completion.test.ts'))
    .map(read)
  // These are run as they stand by test/real/transcripts.check.ts.
  const [, list = ''] = /const PAGES = \[(.*?)\]/s.exec(read('test/real/transcripts.check.ts')) ?? []
  const walked = [...list.matchAll(/'([\w-]+)'/g)].map(([, name]) => read(`docs/${name}.md`))
  expect(walked.length).toBeGreaterThan(5)
  sources.push(...walked.map((text) => [...text.matchAll(/^\$ .*$/gm)].join('\n')))
  const commands = new Set<string>()
  for (const page of pages) for (const line of typed(read(page))) commands.add((await parseCommand(line)).ran)
  commands.delete('')
  expect(commands.size).toBeGreaterThan(50)
  expect([...commands].filter((command) => !isRun(command, sources)).sort()).toEqual([])
  expect(isRun('ctrl juggle', sources)).toBe(false)
})

test('of each other program it is said what runs it, or why nothing does', () => {
  const seen = new Set(pages.flatMap((page) => programs(read(page))))
  const others = [...seen].filter((program) => !['ocs', 'npx', ''].includes(program) && !SHELL.has(program))
  expect(others.filter((program) => !Object.hasOwn(OTHERS, program))).toEqual([])
  expect(Object.keys(OTHERS).filter((program) => !seen.has(program))).toEqual([])
  for (const [program, runner] of Object.entries(OTHERS)) {
    if (runner.startsWith('not run: ')) continue
    expect([program, runner, existsSync(join(ROOT, runner))]).toEqual([program, runner, true])
    expect([program, read(runner).toLowerCase().includes(program.replace('./', ''))]).toEqual([program, true])
  }
})
