import { didYouMean } from '../../core/names.ts'
import type { DocsPage } from './docs-site.ts'

/** A page, or a part of one. */
export interface Place {
  /** From the top of the site: `commands/ctrl.html#ocs-ctrl-forget`. */
  readonly path: string
  readonly title: string
  readonly page: DocsPage
}

/** Maximum number of pages listed for words that occur only in their text. */
const MENTIONS = 8

/**
 * Where the docs are about something: a page or heading of exactly that name, else those that contain all the
 * words, else the pages whose text contains them, most frequent first.
 * @param words as typed: `alarms`, `ctrl forget`
 */
export function findPlaces(pages: readonly DocsPage[], words: readonly string[]): Place[] {
  const wanted = words.flatMap((word) => word.toLowerCase().split(/\s+/)).filter(Boolean)
  const name = wanted.join(' ')
  const all = pages.flatMap((page) => [
    { heading: page.title, place: placeOf(page) },
    ...page.headings.map(({ text, anchor }) => ({
      heading: text,
      place: { path: `${page.path}#${anchor}`, title: `${page.title}: ${text}`, page },
    })),
  ])
  const named = all.filter(({ heading, place }) =>
    [place.path.replace(/\.html$/, ''), heading].some(
      (one) => plain(one) === name || plain(one) === `ocs ${name}`,
    ),
  )
  const headed = all.filter(({ heading }) => wanted.every((word) => plain(heading).includes(word)))
  const best = named.length > 0 ? named : headed
  if (best.length > 0) return best.map(({ place }) => place)
  return pages
    .map((page) => ({ page, share: mentions(page.text.toLowerCase(), wanted) / page.text.length }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share)
    .slice(0, MENTIONS)
    .map(({ page }) => placeOf(page))
}

const placeOf = (page: DocsPage): Place => ({ path: page.path, title: page.title, page })

/** Words of titles and headings that a misspelt word may have meant. */
export function nearWords(pages: readonly DocsPage[], word: string): string[] {
  const all = pages.flatMap(({ title, headings }) => [title, ...headings.map(({ text }) => text)])
  return didYouMean(
    word,
    all.flatMap((text) => plain(text).split(/[^\p{L}\p{N}_-]+/u)),
  )
}

const plain = (text: string): string => text.toLowerCase().replaceAll('`', '')

/** How often the rarest of the words occurs in a text. */
function mentions(text: string, words: readonly string[]): number {
  return Math.min(...words.map((word) => text.split(word).length - 1))
}
