/**
 * The site of the docs, as far as it can be checked without building it (test/real/docs-site.check.ts builds
 * it).
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { dirname, join } from 'node:path'
import { folders, sidebar } from '../docs/.vitepress/sidebar.ts'
import { anchors } from '../docs/site/anchor.ts'
import { describe } from '../docs/site/describe.ts'
import { manPages } from '../docs/site/man-pages.ts'
import { outsideCode } from '../docs/site/markdown.ts'
import { gather } from '../docs/site/pages.ts'
import manifest from '../package.json' with { type: 'json' }

// The help of every command is requested.
setDefaultTimeout(300_000)

const site = gather()

/** Pages that are in no list, and need none: the first one, and those that are only linked to. */
const UNLISTED = /^(index|source\/.*)$/

test('every page stands in the sidebar, once, and every page of the sidebar is there', async () => {
  const pages = [...(await site).pages.keys()].map((path) => path.slice(0, -'.md'.length))
  const named = sidebar.flatMap((group) => group.pages.map(([page]) => page))
  const isListed = (page: string) => folders.some(({ folder }) => dirname(page) === folder)
  expect(pages.filter((page) => !UNLISTED.test(page) && !isListed(page) && !named.includes(page))).toEqual([])
  expect(named.filter((page) => !pages.includes(page))).toEqual([])
  expect([...new Set(named)]).toEqual(named)
  expect(pages.filter(isListed).length).toBeGreaterThan(80)
})

/** Links to pages and headings that do not exist. */
function deadLinks(pages: ReadonlyMap<string, string>, files: ReadonlyMap<string, string>): string[] {
  const dead: string[] = []
  for (const [page, text] of pages) {
    outsideCode(text, (part) => {
      for (const [, link = ''] of part.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(link)) continue
        const [path = '', hash] = link.split('#')
        const to = path.startsWith('/') ? path.slice(1) : path === '' ? page : join(dirname(page), path)
        const there = pages.has(to) || files.has(to) || files.has(`public/${to}`)
        if (
          !there ||
          (hash !== undefined && !anchors(pages.get(to) ?? '').some(({ anchor }) => anchor === hash))
        )
          dead.push(`${page}: ${link}`)
      }
      return part
    })
  }
  return dead
}

test('every link of the site leads to a page, and to a heading that it has', async () => {
  const { pages, files } = await site
  expect(deadLinks(pages, files)).toEqual([])
  expect(deadLinks(new Map([['a.md', '# A\n[b](/b.md) [c](#a) [d](#d) `[e](#e)`']]), files)).toEqual([
    'a.md: /b.md',
    'a.md: #d',
  ])
})

test('the reference has every command, with its flags and examples', async () => {
  const { pages } = await site
  const ctrl = pages.get('commands/ctrl.md') ?? ''
  expect(ctrl).toContain('\n## ocs ctrl start\n')
  expect(ctrl).toContain('| `--wait` | wait until it ends |')
  expect(ctrl).toContain('\nocs ctrl start ls240 set_values --channel=1 --wait\n')
  expect(pages.get('commands/sim.md')).toContain('## ocs sim lakeshore240')
  // The faults of chaos are a list, whose lines are kept.
  expect(pages.get('commands/chaos.md')).toMatch(/```text\nFaults:\n {2}kill +kill -9/)
})

test('npm installs the manual page of every command: package.json lists it', async () => {
  const ocs = await describe()
  const made = manPages(ocs)
  expect([...manifest.man].sort()).toEqual([...made.keys()].map((name) => `dist/man/${name}`).sort())
  const ctrl = made.get('ocs-ctrl.1') ?? ''
  expect(ctrl).toContain('.SH NAME\nocs\\-ctrl \\- ')
  const start = ocs.commands.flatMap(({ commands }) => commands).find(({ name }) => name === 'ocs ctrl start')
  const wait = start?.flags.find(({ term }) => term === '--wait')?.text
  expect(ctrl).toContain(`.TP\n\\fB\\-\\-wait\\fR\n${wait}\n`)
  expect(ctrl).toContain('\nocs ctrl start ls240 set_values \\-\\-channel=1 \\-\\-wait\n')
})
