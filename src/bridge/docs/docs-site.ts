import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { ConfigError } from '../../core/errors.ts'

/** The entries of the site's own list of pages (docs/site/build.ts writes it). */
const Pages = z.array(
  z.object({
    /** Its address on the site: `commands/ctrl.html`. */
    path: z.string(),
    title: z.string(),
    headings: z.array(z.object({ text: z.string(), anchor: z.string() })),
    /** The whole page as Markdown. */
    text: z.string(),
  }),
)

/** The path of that list in the archive. */
export const LIST = 'pages.json'

export type DocsPage = z.output<typeof Pages>[number]
export interface DocsSite {
  readonly pages: readonly DocsPage[]
  /** Every file by its path, without a leading slash. */
  readonly files: ReadonlyMap<string, Blob>
}

/**
 * Reads the site of the docs.
 * @param file the archive that `npm run docs` makes, `dist/docs.tar.zst`
 * @throws ConfigError if there is none, or it is damaged
 */
export async function readDocs(file: string): Promise<DocsSite> {
  let packed: Buffer<ArrayBuffer>
  try {
    packed = readFileSync(file)
  } catch (cause) {
    throw new ConfigError(
      `the site of the docs is not made here (there is no ${file}): "npm run docs" in the clone makes it; the same pages lie in docs/*.md`,
      { cause },
    )
  }
  try {
    const files = await new Bun.Archive(await Bun.zstdDecompress(packed)).files()
    const pages = Pages.parse(JSON.parse((await files.get(LIST)?.text()) ?? ''))
    return { pages, files }
  } catch (cause) {
    throw new ConfigError(`${file} is damaged: install ocs anew, or make it by "npm run docs" in a clone`, {
      cause,
    })
  }
}
