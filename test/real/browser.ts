import { readFileSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'

const AXE = readFileSync(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8')
/** Console messages of these levels are faults of the page. */
const LOUD = ['error', 'warning']
/** Except these: the checks try a missing bridge and refusals, and read plots back. */
const TRIED = /Failed to load resource|getImageData/

/** Debian's Chromium with one page, and all faults on it. */
export class Chromium implements AsyncDisposable {
  readonly page: Page
  /** Console messages, requests to addresses other than the bridge's, failed scripts. */
  readonly faults: string[] = []
  readonly #browser: Browser

  private constructor(browser: Browser, page: Page, origin: string) {
    this.#browser = browser
    this.page = page
    page.on('console', (said) => {
      if (LOUD.includes(said.type()) && !TRIED.test(said.text())) this.faults.push(said.text())
    })
    page.on('pageerror', (error) => this.faults.push(error.stack ?? error.message))
    page.on('request', (request) => {
      if (!request.url().startsWith(`${origin}/`)) this.faults.push(`asked for ${request.url()}`)
    })
  }

  static async open(origin: string): Promise<Chromium> {
    const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
    const context = await browser.newContext({ viewport: { width: 1360, height: 900 } })
    return new Chromium(browser, await context.newPage(), origin)
  }

  /** Accessibility problems found by axe-core: the broken rules, and where. */
  async inaccessible(): Promise<string[]> {
    await this.page.evaluate(AXE)
    return this.page.evaluate(async () => {
      type Found = { id: string; impact: string; nodes: { target: string[]; failureSummary: string }[] }
      const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Found[] }> } }
      const { violations } = await axe.run()
      return violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(
          ({ id, nodes }) =>
            `${id}: ${nodes[0]?.target.join(' ')}: ${nodes[0]?.failureSummary} (${nodes.length})`,
        )
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close()
  }
}

/**
 * The fraction of a plot's columns that is shaded from top to bottom, by runs. @param panel the title of the
 * plot
 */
export function shaded(page: Page, panel: string): Promise<number> {
  return page.evaluate((title) => {
    const dom = globalThis as unknown as { document: { querySelector(selector: string): Drawn | null } }
    const canvas = dom.document.querySelector(`.panel[aria-label="${title}"] canvas`)
    if (!canvas) return 0
    const { width, height } = canvas
    const { data } = canvas.getContext('2d').getImageData(0, 0, width, height)
    let full = 0
    for (let x = 0; x < width; x++) {
      let painted = 0
      for (let y = 0; y < height; y++) if ((data[4 * (y * width + x) + 3] ?? 0) > 0) painted++
      // The labels of times are below.
      if (painted > 0.7 * height) full++
    }
    return full / width
  }, panel)

  interface Drawn {
    readonly width: number
    readonly height: number
    getContext(kind: '2d'): { getImageData(x: number, y: number, w: number, h: number): { data: Uint8Array } }
  }
}

/**
 * The columns of a plot that contain its first curve: how many, and the widest gap between two, in pixels.
 * @param panel the title of the plot
 */
export function drawn(
  page: Page,
  panel: string,
): Promise<{ readonly columns: number; readonly gap: number }> {
  return page.evaluate((title) => {
    const dom = globalThis as unknown as { document: Dom }
    const canvas = dom.document.querySelector(`.panel[aria-label="${title}"] canvas`)
    const swatch = dom.document.querySelector('.swatch.s0')
    const view = canvas?.getContext('2d')
    if (!canvas || !view || !swatch) return { columns: 0, gap: 0 }
    const colour = getComputedStyle(swatch).borderTopColor
    const wanted = (colour.match(/\d+/g) ?? []).slice(0, 3).map(Number)
    const { data } = view.getImageData(0, 0, canvas.width, canvas.height)
    const columns: number[] = []
    for (let x = 0; x < canvas.width; x++)
      for (let y = 0; y < canvas.height; y++) {
        const at = 4 * (y * canvas.width + x)
        const far = wanted.reduce((sum, value, i) => sum + Math.abs(value - (data[at + i] ?? 0)), 0)
        if (far > 60 || (data[at + 3] ?? 0) < 40) continue
        columns.push(x)
        break
      }
    const gaps = columns.slice(1).map((x, i) => x - (columns[i] ?? 0))
    return { columns: columns.length, gap: Math.max(0, ...gaps) }
  }, panel)

  // The parts of the page's own globals that are used here.
  interface Dom {
    querySelector(selector: string): Canvas | null
  }
  interface Canvas {
    readonly width: number
    readonly height: number
    getContext(kind: '2d'): { getImageData(x: number, y: number, w: number, h: number): { data: Uint8Array } }
  }
  function getComputedStyle(_: unknown): { borderTopColor: string } {
    throw new Error('only in a browser')
  }
}
