import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { commandLine } from './ctrl/ctrl.test-aid.ts'

/** The files of `src` that a command line has loaded, in a process of its own. */
async function allLoaded(...argv: string[]): Promise<string[]> {
  const script = `
    const { run } = await import(${JSON.stringify(join(import.meta.dir, 'program.ts'))})
    const size = () => ({ columns: 80, rows: 24 })
    await run(${JSON.stringify(argv)}, { signal: new AbortController().signal, env: {}, out() {}, err() {}, size })
    console.log(Object.keys(require.cache).join('\\n'))`
  const child = Bun.spawn([process.execPath, '--no-install', '-e', script], { stdout: 'pipe' })
  const files = (await child.stdout.text()).split('\n')
  return files.flatMap((file) => (file.includes('/src/') ? [file.split('/src/')[1] ?? ''] : []))
}

/** Those of commands, by their paths there. */
async function loaded(...argv: string[]): Promise<string[]> {
  const files = await allLoaded(...argv)
  return files.flatMap((file) => (file.startsWith('commands/') ? [file.slice('commands/'.length)] : []))
}

const OTHERS = ['agent', 'bridge', 'chaos', 'ctrl/ctrl', 'status']

test('a command loads its own file, and none of another command', async () => {
  expect((await loaded('--version')).sort()).toEqual([
    'help.ts',
    'load-named.ts',
    'program.ts',
    'run-command.ts',
  ])
  const few = await loaded('hub', '--help')
  expect(few).toContain('hub.ts')
  for (const name of OTHERS) expect(few).not.toContain(`${name}.ts`)
  const all = await loaded('--help')
  for (const name of ['hub', ...OTHERS]) expect(all).toContain(`${name}.ts`)
})

test('a command of ctrl loads itself alone, and neither what runs agents nor what reads site files', async () => {
  const files = await allLoaded('ctrl', 'status', '--help')
  const own = ['ctrl/ctrl', 'ctrl/status', 'help', 'load-named', 'program', 'run-command', 'site-flags']
  expect(files.filter((file) => file.startsWith('commands/')).sort()).toEqual(
    own.map((name) => `commands/${name}.ts`),
  )
  expect(files.filter((file) => /^(runtime|programs|agents|storage|instrument)\//.test(file))).toEqual([])
  expect(files).not.toContain('site/site.ts')
})

test('a flag behind a subcommand is the subcommand’s', async () => {
  const line = commandLine(['aggregate', 'refill', '--site-hub', 'nonsense'])
  expect(await line.code).toBe(2)
  expect(line.err()).toContain('--site-hub "nonsense"')
})

test('ocs down with the name of one role stops nothing, and says what does that', async () => {
  const line = commandLine(['down', 'ls240'])
  expect(await line.code).toBe(2)
  expect(line.err()).toContain('ocs ctrl stop --target=ls240')
})
