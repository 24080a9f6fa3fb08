/** What `ocs docs WORD` finds pages by. */
import type { DocsPage } from '../../src/bridge/docs/docs-site.ts'
import { anchors } from './anchor.ts'

/** Pages that are only linked to: files of the repository. */
const SOURCE = /^source\//

/** @param pages the text of each by its path on the site */
export function listOf(pages: ReadonlyMap<string, string>): DocsPage[] {
  return [...pages]
    .filter(([path]) => !SOURCE.test(path))
    .map(([path, text]) => {
      const [title, ...headings] = anchors(text)
      return { path: path.replace(/\.md$/, '.html'), title: title?.text ?? path, headings, text }
    })
}
