/**
 * The site of the docs in a browser, as `ocs docs` serves it: without a network, accessible, on a phone too;
 * and the manual pages as `man` shows them. In a clone `npm run docs` builds it first; `OCS_DOCS` names a
 * release or a binary that contains it.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeManPages } from '../../docs/site/man-pages.ts'
import { Chromium } from './browser.ts'
import { figure, Lab, ROOT } from './roles.ts'

setDefaultTimeout(400_000)

const OCS = process.env['OCS_DOCS'] ?? join(ROOT, 'bin', 'ocs')
/** Pages of each kind: written text, a reference with wide tables, one generated from declarations. */
const PAGES = ['user-guide.html', 'commands/ctrl.html', 'agents/Lakeshore240Agent.html']

/** Serves the docs, searching for some words. @returns the first address that it prints */
async function served(lab: Lab, ...words: readonly string[]): Promise<string> {
  const docs = lab.program('docs', [OCS, 'docs', ...words])
  const { text } = await docs.says('http://127.0.0.1:', 40)
  return text.split(' ')[0] ?? ''
}

test('it opens where it is asked to, finds words, and asks no other host', async () => {
  await using lab = new Lab()
  const address = await served(lab, 'ctrl', 'forget')
  expect(address).toEndWith('/commands/ctrl.html#ocs-ctrl-forget')
  const { origin } = new URL(address)
  await using chromium = await Chromium.open(origin)
  const { page } = chromium
  await page.goto(address)
  await page.getByRole('heading', { name: 'ocs ctrl forget' }).waitFor()

  await page.goto(origin)
  await page.getByRole('button', { name: 'Search' }).click()
  await page.getByRole('searchbox').fill('forget')
  const results = page.locator('.VPLocalSearchBox .results > li')
  await results.first().waitFor()
  figure(`a search for "forget" finds ${await results.count()} places`)
  await results.first().click()
  await page.locator('.vp-doc', { hasText: 'forget' }).waitFor()

  // A page reached by a click is loaded by a script, and must be the same as by its address.
  await page.goto(origin)
  await page.getByRole('link', { name: 'Users, TLS and rights' }).click()
  await page.getByRole('heading', { name: 'Security', level: 1 }).waitFor()
  expect(new URL(page.url()).pathname).toBe('/security.html')
  expect(chromium.faults).toEqual([])
})

test('nobody is kept out, and nothing is cut off, light, dark and on a phone', async () => {
  await using lab = new Lab()
  const origin = new URL(await served(lab)).origin
  await using chromium = await Chromium.open(origin)
  const { page } = chromium
  const shots = process.env['OCS_SHOTS']
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    for (const width of [1360, 400]) {
      await page.setViewportSize({ width, height: 900 })
      for (const name of ['', ...PAGES]) {
        await page.goto(`${origin}/${name}`)
        await page.locator('.vp-doc h1').waitFor()
        const where = `${name || 'the first page'}, ${colorScheme}, ${width} wide`
        expect([where, await chromium.inaccessible()]).toEqual([where, []])
        expect([where, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([where, width])
        if (shots)
          await page.screenshot({
            path: join(shots, `${name.replaceAll('/', '-') || 'first'}-${colorScheme}-${width}.png`),
          })
      }
    }
  }
  expect(chromium.faults).toEqual([])
})

test('every link and anchor of the made pages leads somewhere', async () => {
  await using lab = new Lab()
  const origin = new URL(await served(lab)).origin
  const pages = new Map<string, { ids: Set<string>; links: string[] }>()
  const queue = [`${origin}/`]
  const dead: string[] = []
  for (const url of queue) {
    const answer = await fetch(url)
    if (!answer.ok) dead.push(url)
    const text = answer.headers.get('content-type')?.startsWith('text/html') ? await answer.text() : ''
    const ids = new Set([...text.matchAll(/ id="([^"]+)"/g)].map(([, id = '']) => id))
    const links = [...text.matchAll(/<(?:a|img|script|link)\b[^>]* (?:href|src)="([^"]+)"/g)].map(
      ([, link = '']) => new URL(link.replaceAll('&amp;', '&'), url),
    )
    pages.set(url, { ids, links: links.filter((link) => link.origin === origin).map(String) })
    for (const link of links) {
      const to = link.origin + link.pathname
      if (link.origin === origin && !queue.includes(to)) queue.push(to)
    }
  }
  const broken = [...pages].flatMap(([from, { links }]) =>
    links
      .filter((link) => {
        const { hash, pathname } = new URL(link)
        return hash !== '' && !pages.get(origin + pathname)?.ids.has(decodeURIComponent(hash.slice(1)))
      })
      .map((link) => `${from}: ${link}`),
  )
  figure(`${pages.size} pages and files, ${[...pages.values()].flatMap(({ links }) => links).length} links`)
  expect([...dead, ...broken]).toEqual([])
  expect(pages.size).toBeGreaterThan(150)
})

test('man shows every manual page without a warning', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ocs-man-'))
  const files = await writeManPages(folder)
  for (const file of files) {
    const shown = Bun.spawnSync(['groff', '-man', '-ww', '-z', '-Tutf8', file])
    expect([file, shown.exitCode, shown.stderr.toString()]).toEqual([file, 0, ''])
  }
  expect(files.length).toBeGreaterThan(30)
  const broken = join(folder, 'broken.1')
  await Bun.write(broken, '.TH X 1\n.SH NAME\nx \\- y\n.SX\n')
  expect(Bun.spawnSync(['groff', '-man', '-ww', '-z', '-Tutf8', broken]).stderr.toString()).not.toBe('')
  rmSync(folder, { recursive: true })
})
