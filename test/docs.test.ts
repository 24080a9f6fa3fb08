import { expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { agentPages } from '../docs/make-agents.ts'
import { anchor } from '../docs/site/anchor.ts'
import { helpOf } from '../docs/site/every-command.ts'
import { parseCommand } from '../docs/site/parse-command.ts'
import { commonFlags } from '../src/core/arguments/common-flags.ts'
import { typed } from './shell-lines.ts'

// Every page, and the help of every command that it names.
setDefaultTimeout(300_000)

const ROOT = join(import.meta.dir, '..')
const pages = ['*.md', 'docs/**/*.md'].flatMap((glob) => [...new Bun.Glob(glob).scanSync(ROOT)].sort())
const read = (page: string) => readFileSync(join(ROOT, page), 'utf8')

test('the pages of agents are what the declarations say (bun docs/make-agents.ts)', async () => {
  const made = await agentPages()
  for (const [page, text] of made) expect([page, read(page)]).toEqual([page, text])
  expect(pages.filter((page) => page.startsWith('docs/agents/') && !made.has(page))).toEqual([])
})

test('every relative link leads somewhere', () => {
  expect(pages).toContain('README.md')
  const broken = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link = '']) => link)
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => {
        const [path = '', hash] = link.split('#')
        const file = path === '' ? join(ROOT, page) : join(ROOT, dirname(page), path)
        if (!existsSync(file)) return true
        const headings = hash === undefined ? [] : readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)
        return hash !== undefined && ![...headings].some(([, text = '']) => anchor(text) === hash)
      })
      .map((link) => `${page}: ${link}`),
  )
  expect(broken).toEqual([])
})

/** Every `ocs …` in a page: in fenced code with its continued lines joined, and between backquotes. */
function commandLines(text: string): string[] {
  const fenced = [...text.matchAll(/^ *```([^\n]*)\n(.*?)^ *```/gms)].flatMap(([, kind, body = '']) => {
    const lines = body.replaceAll(/\\\n\s*/g, ' ').split('\n')
    // What has no dollar there is what was printed.
    return kind === 'console' ? lines.filter((line) => /^\s*\$ /.test(line)) : lines
  })
  const inline = [...text.replaceAll(/^ *```.*?^ *```/gms, '').matchAll(/`([^`]+)`/g)].map(
    ([, code = '']) => code,
  )
  return [...fenced, ...inline].flatMap((line) => {
    const found = /^\s*(?:\$ )?(?:\w+=\S+ |sudo )*(?:npx )?ocs (.*)$/.exec(line.replace(/\s+#.*$/, ''))
    return found ? [found[1] ?? ''] : []
  })
}

const subcommands = (help: string) =>
  [...(help.split('Commands:\n')[1] ?? '').matchAll(/^ {2}(\S+)/gm)].map(([, name]) => name)
const flagsIn = (help: string) => [...help.matchAll(/(?<=^|[\s,`])--[A-Za-z][\w-]*/gm)].map(([flag]) => flag)

/** What is wrong with a command line as a page writes it; undefined when the program knows all of it. */
async function fault(line: string, agents: ReadonlySet<string>): Promise<string | undefined> {
  const words = line.replaceAll(/"[^"]*"|'[^']*'/g, 'x').split(/\s+/)
  const path: string[] = []
  let help = await helpOf(path)
  for (const word of words) {
    if (word.startsWith('-') || !help.includes('Commands:\n') || /^[.…A-Z]/.test(word)) break
    if (!subcommands(help).includes(word)) return `there is no command ${[...path, word].join(' ')}`
    path.push(word)
    help = await helpOf(path)
  }
  const known = new Set([...flagsIn(help), '--help', '--version'])
  const open = ['agent', 'aggregate', 'datanode', 'ctrl'].includes(path[0] ?? '')
  const strange = words
    .flatMap((word) => /^\[?(--[A-Za-z][\w-]*)/.exec(word)?.[1] ?? [])
    .filter((flag) => !known.has(flag) && !(open && agents.has(flag)))
  return strange.length > 0 ? `no ${strange.join(', ')} in ocs ${path.join(' ')}` : undefined
}

test('every command and flag that the pages name is one the program has', async () => {
  const agents = new Set([
    ...[...(await agentPages()).values()].flatMap(flagsIn),
    ...Object.keys(commonFlags),
    '--help-args',
  ])
  const wrong: string[] = []
  let seen = 0
  for (const page of pages) {
    for (const line of commandLines(read(page))) {
      seen++
      const why = await fault(line, agents)
      if (why) wrong.push(`${page}: ocs ${line}: ${why}`)
    }
  }
  expect(wrong).toEqual([])
  expect(seen).toBeGreaterThan(40)
})

test('a command or flag that does not exist is found', async () => {
  const none = new Set<string>()
  expect(await fault('agnet --instance-id=x', none)).toBe('there is no command agnet')
  expect(await fault('ctrl begin', none)).toBe('there is no command ctrl begin')
  expect(await fault('hub --lisen 1:1', none)).toBe('no --lisen in ocs hub')
  expect(await fault('ctrl start ls240 acq', none)).toBeUndefined()
})

/** Commands that take flags of an agent or of a script of one's own. */
const OPEN = /^(agent|aggregate|datanode|record|run|test|ctrl start)/

test('every command line that a page lets be typed is one the program understands', async () => {
  const agents = new Set([...(await agentPages()).values()].flatMap(flagsIn))
  for (const flag of [...Object.keys(commonFlags), '--help-args']) agents.add(flag)
  const wrong: string[] = []
  let seen = 0
  for (const page of pages) {
    for (const line of typed(read(page))) {
      seen++
      const { code, ran, unknown, said } = await parseCommand(line)
      const own = ran.startsWith('ctrl start') || ran === 'run'
      const strange = unknown.filter((flag) => !(OPEN.test(ran) && (own || agents.has(flag))))
      if (code !== 0) wrong.push(`${page}: ${line}: ${said}`)
      if (strange.length > 0) wrong.push(`${page}: ${line}: does not know ${strange.join(', ')}`)
    }
  }
  expect(wrong).toEqual([])
  expect(seen).toBeGreaterThan(150)
})

test('a command line that is wrong is found wherever it stands', async () => {
  const page =
    '```sh\nsudo -u lab ocs hub init  # once\nA=1 npx ocs ps | grep x\nB=$(ocs audit) && ocs up\n```\n'
  expect(typed(page)).toEqual(['ocs hub init', 'ocs ps', 'ocs audit', 'ocs up'])
  expect(typed('```console\n$ ocs status\nocs is here\n```\n```yaml\nocs up\n```\n')).toEqual(['ocs status'])
  const code = async (line: string) => (await parseCommand(line)).code
  expect(await code('ocs ctrl abort ls240 acq')).toBe(0)
  expect(await code('ocs ctrl abort ls240')).toBe(2)
  expect(await code('ocs ps --jsn')).toBe(2)
  expect(await code('ocs logs -n many')).toBe(2)
})

test('messages that the pages explain are those that the program prints', () => {
  const source = [...new Bun.Glob('{bin,src}/**/*.{ts,mjs}').scanSync(ROOT)]
    .filter((file) => !file.includes('.test'))
    .map(read)
    .join('\n')
    .replaceAll(/' \+\n\s*'/g, '')
  const table = read('docs/user-guide.md').split('## Troubleshooting\n')[1]?.split('\n## ')[0] ?? ''
  const messages = [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, text = '']) => text)
  const unknown = messages.filter((text) => !text.split('…').every((part) => source.includes(part.trim())))
  expect(unknown).toEqual([])
  expect(messages.length).toBeGreaterThan(15)
})
