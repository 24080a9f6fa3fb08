/** What the site is made of: the pages of `docs/`, those beside it, and what they link to, as pages with links that hold there. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, extname, join, normalize, relative } from 'node:path'
import { commandPages } from './command-pages.ts'
import { describe } from './describe.ts'
import { outsideCode, table } from './markdown.ts'

const ROOT = join(import.meta.dir, '..', '..')

/** Pages of the repository that lie beside `docs/`. */
const BESIDE: Readonly<Record<string, string>> = {
  'README.md': 'readme.md',
  'CONTRIBUTING.md': 'contributing.md',
  'CHANGELOG.md': 'changelog.md',
}
/** How code is shown, by what its file ends with; others by that itself. */
const LANGUAGES: Readonly<Record<string, string>> = { py: 'python', '': 'text' }

export interface Site {
  /** The text of each page by its path on the site. */
  readonly pages: ReadonlyMap<string, string>
  /** Files that go along, by their path on the site: where each lies in the repository. */
  readonly files: ReadonlyMap<string, string>
}

/** Gathers the site. @throws Error for a link that leads nowhere */
export async function gather(): Promise<Site> {
  const pages = commandPages(await describe())
  const files = new Map([['public/asyncapi.yaml', 'docs/asyncapi.yaml']])
  const sources = new Set<string>()
  const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
  const docs = [...new Bun.Glob('docs/**/*.md').scanSync(ROOT)].sort()
  for (const path of [...Object.keys(BESIDE), ...docs]) {
    const text = read(path).replaceAll(/<!--.*?-->\n?/gs, '')
    pages.set(pageOf(path) ?? '', withLinks(path, text, { files, sources }))
  }
  // Those that are pages themselves add to them meanwhile.
  for (const path of sources)
    pages.set(
      sourceOf(path),
      path.endsWith('.md') ? withLinks(path, read(path), { files, sources }) : sourcePage(path),
    )
  pages.set('decisions/index.md', decisions(docs))
  return { pages, files }
}

/** Where a file of the repository is a page of the site. */
function pageOf(path: string): string | undefined {
  if (Object.hasOwn(BESIDE, path)) return BESIDE[path]
  if (path === 'docs/decisions') return 'decisions/index.md'
  return path.startsWith('docs/') && path.endsWith('.md') ? path.slice('docs/'.length) : undefined
}
/** Where a file of the repository that is no page of the docs is one: of Markdown as it reads, else as it is written. */
const sourceOf = (path: string): string => `source/${path.replace(/\.md$/, '')}.md`

interface Linked {
  readonly files: Map<string, string>
  readonly sources: Set<string>
}

/** A page's text, its links as they hold on the site; what they lead to that is no page is noted. */
function withLinks(page: string, text: string, linked: Linked): string {
  return outsideCode(text, (part) =>
    part.replaceAll(
      /(!?)(\[[^\]]*)?\]\(([^)\s]+)\)/g,
      (_, image: string, label: string | undefined, link: string) => {
        const to = image ? picture(page, link, linked) : siteLink(page, link, linked)
        return `${image}${label ?? ''}](${to})`
      },
    ),
  )
}

/** @returns a link from the top of the site */
function siteLink(page: string, link: string, { sources }: Linked): string {
  if (/^[a-z]+:/.test(link) || link.startsWith('#')) return link
  const [path = '', hash] = link.split('#')
  const target = normalize(join(dirname(page), path)).replace(/\/$/, '')
  if (!existsSync(join(ROOT, target))) throw new Error(`${page}: ${link} leads nowhere`)
  const after = hash === undefined ? '' : `#${hash}`
  if (target === 'docs/asyncapi.yaml') return '/asyncapi.yaml'
  const known = pageOf(target)
  if (known === undefined) sources.add(target)
  return `/${known ?? sourceOf(target)}${after}`
}

/** @returns the picture's path from the page, whose folder on the site may be another */
function picture(page: string, link: string, { files }: Linked): string {
  const target = normalize(join(dirname(page), link))
  const there = target.replace(/^docs\//, '')
  files.set(there, target)
  return `./${relative(dirname(pageOf(page) ?? sourceOf(page)), there)}`
}

/** A file that pages link to, or what is in a folder. */
function sourcePage(path: string): string {
  const head = ['---', 'search: false', 'outline: false', '---', `# ${path}`, '']
  if (statSync(join(ROOT, path)).isDirectory()) {
    const names = readdirSync(join(ROOT, path)).sort()
    return [...head, 'In this folder of the package:', '', ...names.map((name) => `- \`${name}\``), ''].join(
      '\n',
    )
  }
  const end = extname(path).slice(1)
  const text = readFileSync(join(ROOT, path), 'utf8').trimEnd()
  return [...head, `\`\`\`\`\`${LANGUAGES[end] ?? end}`, text, '`````', ''].join('\n')
}

/** The list of decisions, the latest first. */
function decisions(docs: readonly string[]): string {
  const rows = docs
    .filter((path) => path.startsWith('docs/decisions/'))
    .map((path) => {
      const [, number = '', title = ''] = /^# (\d+) (.*)$/m.exec(readFileSync(join(ROOT, path), 'utf8')) ?? []
      return [number, `[${title}](/${pageOf(path)})`]
    })
  return [
    '# Decisions',
    '',
    'What was decided, and why, a page each.',
    '',
    ...table(['number', 'decision'], rows.reverse()),
  ].join('\n')
}
