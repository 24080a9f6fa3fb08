import { Command } from 'commander'
import { readDocs } from '../bridge/docs/docs-site.ts'
import { findPlaces, nearWords, type Place } from '../bridge/docs/find-page.ts'
import { serveDocs } from '../bridge/docs/serve-docs.ts'
import { UsageError } from '../core/errors.ts'
import { aborted } from '../core/pause.ts'
import { ownFile } from '../machine/own-files.ts'
import type { Context } from '../terminal/context.ts'
import { examples } from './help.ts'
import { address, type Listen } from './listen-flags.ts'

/** The site of the docs, in every way of getting ocs. */
const ARCHIVE = 'dist/docs.tar.zst'

/** `ocs docs`: the docs as a site, from the package. */
export function docsCommand(context: Context): Command {
  return new Command('docs')
    .description('Serve the docs to a browser on this machine; nothing is fetched from elsewhere.')
    .argument('[word...]', 'what they are to be about: a page, a command, a heading, any word')
    .option('--text', 'print that page here, as Markdown')
    .option('--listen <addr:port>', 'where to serve them (127.0.0.1, any free port)', address)
    .addHelpText(
      'after',
      examples('ocs docs', 'ocs docs alarms', 'ocs docs ctrl forget --text', 'ocs docs --listen=5080'),
    )
    .action(async (words: string[], { text, listen }: { text?: boolean; listen?: Listen }) => {
      const site = await readDocs(ownFile(ARCHIVE))
      const places = words.length > 0 ? findPlaces(site.pages, words) : []
      const [first] = places
      if (words.length > 0 && first === undefined)
        throw notThere(words, nearWords(site.pages, words.join(' ')))
      if (text) {
        if (!first)
          throw new UsageError('--text prints one page: say which, such as "ocs docs alarms --text"')
        if (places.some(({ page }) => page !== first.page)) context.err(`${alsoIn(places)}\n`)
        context.out(first.page.text)
        return
      }
      await using served = await serveDocs(site, listen ?? { host: '127.0.0.1', port: 0 })
      for (const { path, title } of places.slice(0, MOST)) context.out(`${served.url}${path}  ${title}\n`)
      if (!first) context.out(`${served.url}\n`)
      context.err(`${places.length > MOST ? `and ${places.length - MOST} more; ` : ''}Ctrl-C ends it\n`)
      await aborted(context.signal)
    })
}

/** Places that are listed at most. */
const MOST = 12

function alsoIn(places: readonly Place[]): string {
  const titles = [...new Set(places.map(({ page }) => page.title))]
  return `of ${titles.length} pages this is the first; the others: ${titles.slice(1, MOST).join(', ')}`
}

function notThere(words: readonly string[], near: readonly string[]): UsageError {
  const what = words.join(' ')
  const meant =
    near.length > 0
      ? `did you mean ${near
          .slice(0, 3)
          .map((word) => `"${word}"`)
          .join(' or ')}?`
      : '"ocs docs" has them all, and a search'
  return new UsageError(`no page of the docs has "${what}": ${meant}`)
}
