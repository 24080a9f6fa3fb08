/** How VitePress makes the site: `npm run docs` hands it the pages, gathered in `pages/`. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vitepress'
import { anchor } from '../site/anchor.ts'
import { folders, sidebar } from './sidebar.ts'

const PAGES = join(import.meta.dirname, 'pages')

/** The first heading of a page, without marks of Markdown. */
function titleOf(page: string): string {
  const [, title = page] = /^# (.*)$/m.exec(readFileSync(join(PAGES, `${page}.md`), 'utf8')) ?? []
  return title.replaceAll('`', '')
}

function pagesIn(folder: string): string[] {
  const names = existsSync(join(PAGES, folder)) ? readdirSync(join(PAGES, folder)) : []
  return names
    .filter((name) => name.endsWith('.md') && name !== 'index.md')
    .map((name) => `${folder}/${name.slice(0, -'.md'.length)}`)
    .sort()
}

export default defineConfig({
  lang: 'en-GB',
  title: 'ocs',
  description: 'Observatory control on one command line.',
  srcDir: './.vitepress/pages',
  // `<words>`, `{words}` and `:words:` stand in the text as they are written.
  markdown: {
    html: false,
    // Those of GitHub itself have comments that are too pale.
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    attrs: { disable: true },
    anchor: { slugify: anchor },
    config: (md) => void md.disable('emoji'),
  },
  // What says when a page was changed would ask git, which a package does not have.
  lastUpdated: false,
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    sidebar: {
      '/': sidebar.map(({ text, pages }) => ({
        text,
        items: pages.map(([page, name]) => ({ text: name, link: `/${page}` })),
      })),
      ...Object.fromEntries(
        folders.map(({ text, folder }) => [
          `/${folder}/`,
          [
            { text: 'All the docs', link: '/' },
            { text, items: pagesIn(folder).map((page) => ({ text: titleOf(page), link: `/${page}` })) },
          ],
        ]),
      ),
    },
  },
})
