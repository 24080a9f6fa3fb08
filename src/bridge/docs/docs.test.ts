import { expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { temporary } from '../../../test/temporary.ts'
import { type DocsPage, LIST, readDocs } from './docs-site.ts'
import { findPlaces, nearWords } from './find-page.ts'
import { serveDocs } from './serve-docs.ts'

const page = (name: string, title: string, headings: readonly string[], text: string): DocsPage => ({
  path: `${name}.html`,
  title,
  headings: headings.map((one) => ({ text: one, anchor: one.toLowerCase().replaceAll(' ', '-') })),
  text,
})
const pages = [
  page('alarms', 'Alarms', ['Silence'], '# Alarms\nOf a cryostat that warms up. '),
  page('commands/ctrl', 'ocs ctrl', ['ocs ctrl forget', 'ocs ctrl start'], '# ocs ctrl\ncryostat, cryostat'),
  page('commands/hub', 'ocs hub', ['ocs hub forget'], '# ocs hub\nWhat a hub does.'),
]
const found = (...words: string[]) => findPlaces(pages, words).map(({ path }) => path)

test('words lead to the page or heading of that name, else to those that have them, else to the text', () => {
  expect(found('Alarms')).toEqual(['alarms.html'])
  expect(found('commands/ctrl')).toEqual(['commands/ctrl.html'])
  expect(found('hub')).toEqual(['commands/hub.html'])
  expect(found('ctrl', 'forget')).toEqual(['commands/ctrl.html#ocs-ctrl-forget'])
  expect(found('ctrl forget')).toEqual(found('ctrl', 'forget'))
  expect(found('forget')).toEqual(['commands/ctrl.html#ocs-ctrl-forget', 'commands/hub.html#ocs-hub-forget'])
  // Most matches first, and only pages with all words.
  expect(found('cryostat')).toEqual(['commands/ctrl.html', 'alarms.html'])
  expect(found('cryostat', 'warms')).toEqual(['alarms.html'])
  expect(found('forgte')).toEqual([])
  expect(nearWords(pages, 'forgte')).toEqual(['forget'])
})

/** An archive as `npm run docs` makes it. */
async function archive(files: Record<string, string>): Promise<string> {
  const file = temporary('docs.tar.zst')
  writeFileSync(file, await Bun.zstdCompress(await new Bun.Archive(files).bytes()))
  return file
}
const made = () =>
  archive({
    [LIST]: JSON.stringify(pages),
    'index.html': '<p>the first page</p>',
    '404.html': '<p>no such page</p>',
    'alarms.html': '<p>alarms</p>',
    'decisions/index.html': '<p>decisions</p>',
    'assets/@search.js': 'export {}',
  })

test('the site is served as it is, and nothing else', async () => {
  const site = await readDocs(await made())
  expect(site.pages).toEqual(pages)
  await using served = await serveDocs(site, { host: '127.0.0.1', port: 0 })
  const get = async (path: string) => {
    const answer = await fetch(`${served.url}${path}`)
    return [answer.status, answer.headers.get('content-type'), await answer.text()]
  }
  const html = 'text/html; charset=utf-8'
  expect(await get('')).toEqual([200, html, '<p>the first page</p>'])
  expect(await get('alarms')).toEqual([200, html, '<p>alarms</p>'])
  expect(await get('alarms.html?x')).toEqual([200, html, '<p>alarms</p>'])
  expect(await get('decisions/')).toEqual([200, html, '<p>decisions</p>'])
  expect(await get('assets/@search.js')).toEqual([200, 'text/javascript; charset=utf-8', 'export {}'])
  for (const none of ['nothing', '%2e%2e/package.json', '%ff', 'assets'])
    expect([none, ...(await get(none))]).toEqual([none, 404, html, '<p>no such page</p>'])
  const { headers } = await fetch(served.url)
  expect(headers.get('content-security-policy')).toStartWith("default-src 'self'; ")
  expect((await fetch(served.url, { method: 'POST' })).status).toBe(404)
})

test('a port that is taken, docs that are not made, and an archive that is damaged are told in words', async () => {
  const site = await readDocs(await made())
  await using served = await serveDocs(site, { host: '127.0.0.1', port: 0 })
  const port = Number(new URL(served.url).port)
  await expect(serveDocs(site, { host: '127.0.0.1', port })).rejects.toThrow(/is in use.*leave --listen out/)
  await expect(readDocs('/nowhere/docs.tar.zst')).rejects.toThrow('"npm run docs" in the clone makes it')
  const file = temporary('docs.tar.zst')
  writeFileSync(file, 'no archive')
  await expect(readDocs(file)).rejects.toThrow(`${file} is damaged`)
  await expect(readDocs(await archive({ 'index.html': '' }))).rejects.toThrow('is damaged')
})
