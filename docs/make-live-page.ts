/**
 * Takes the picture of the live page, `docs/live-page.png`, from the lab of `npm start` after some minutes:
 * `.ci/alone bun docs/make-live-page.ts`, with Debian's Chromium.
 */
import { fileURLToPath } from 'node:url'
import { Chromium } from '../test/real/browser.ts'
import { Lab, seconds, until } from '../test/real/roles.ts'

const ORIGIN = 'http://127.0.0.1:5000'
/** Seconds of readings that the picture shows at least. */
const SHOWN = 200

await using lab = new Lab()
lab.start('demo', ['demo', '--dir', lab.path('demo')])
await using chromium = await Chromium.open(ORIGIN)
const { page } = chromium
await page.setViewportSize({ width: 1280, height: 800 })
await until('the page', 90, async () => {
  const answer = await page.goto(ORIGIN).catch(() => null)
  return answer?.ok()
})
await seconds(SHOWN)
const left = await page.locator('.panel .age', { hasText: /no data|loading|asked/ }).count()
if (left > 0) process.stderr.write(`${left} tiles have no data yet\n`)
await page.screenshot({ path: fileURLToPath(new URL('live-page.png', import.meta.url)) })
