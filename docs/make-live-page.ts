/**
 * Takes the pictures of the live page, `docs/live-page.png` and those of `docs/pictures`, from the lab of `npm start` after
 * some minutes, and draws what two commands print there: `.ci/alone bun docs/make-live-page.ts [NAME…]`, with Debian's
 * Chromium; all of them where none is named.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Chromium } from '../test/real/browser.ts'
import { Lab, seconds, until } from '../test/real/roles.ts'
import { terminalPicture } from './terminal-picture.ts'

const ORIGIN = 'http://127.0.0.1:5000'
/** Seconds of readings that the pictures show at least. */
const SHOWN = 200
/** Seconds after which a tile that is not shown any more has gone. */
const SETTLED = 2
const LAPTOP = { width: 1280, height: 800 }
const PASSWORD = 'a password of six words or more'

const named = process.argv.slice(2)
const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))
mkdirSync(file('pictures'), { recursive: true })

await using lab = new Lab()
lab.start('demo', ['demo', '--dir', lab.path('demo')])
await using chromium = await Chromium.open(ORIGIN)
const { page } = chromium
await page.setViewportSize(LAPTOP)
await until('the page', 90, async () => {
  const answer = await page.goto(ORIGIN).catch(() => null)
  return answer?.ok()
})

/** What a picture needs before it is taken, in their order; its name is that of its file. */
const pictures: Readonly<Record<string, () => Promise<Uint8Array | string>>> = {
  'live-page.png': async () => {
    const left = await page.locator('.panel .age', { hasText: /no data|loading|asked/ }).count()
    if (left > 0) process.stderr.write(`${left} tiles have no data yet\n`)
    return await page.screenshot()
  },
  'pictures/wall.png': async () => {
    await page.goto(`${ORIGIN}/?view=wall&find=LSA22HA%20_T`)
    await page.locator('.tile:visible').first().waitFor()
    await seconds(SETTLED)
    return await page.screenshot()
  },
  'pictures/phone.png': async () => {
    await page.setViewportSize({ width: 390, height: 780 })
    await page.goto(ORIGIN)
    await page.locator('.panel canvas').first().waitFor()
    await seconds(SETTLED)
    const picture = await page.screenshot()
    await page.setViewportSize(LAPTOP)
    return picture
  },
  'pictures/operation.png': async () => {
    await signIn()
    await page.locator('[aria-label="start control set_still_output"]').click()
    await page.locator('#dialog input').first().waitFor()
    await seconds(SETTLED)
    return await page.screenshot()
  },
  'pictures/alarm.png': async () => {
    await page.goto(ORIGIN)
    await page.locator('#alarms [aria-label^="Acknowledge"]').first().click()
    await page.locator('#param-text').fill('cooling down since this morning')
    return await page.screenshot()
  },
  'pictures/status.svg': () => printed('status'),
  'pictures/plot.svg': () => printed('plot', 'ls240', '--once'),
}

/** Makes maya an operator of the demo's hub, and signs her in. */
async function signIn(): Promise<void> {
  const adding = lab.start('passwd', ['hub', 'passwd', 'maya', '--role=operator:1'])
  adding.write(`${PASSWORD}\n`)
  adding.endInput()
  await adding.ended()
  await page.goto(ORIGIN)
  await page.locator('#account button', { hasText: 'Sign in' }).focus()
  await page.keyboard.press('Enter')
  await page.keyboard.type('maya')
  await page.keyboard.press('Tab')
  await page.keyboard.type(PASSWORD)
  await page.keyboard.press('Enter')
  await until('she is in', 20, async () => (await page.locator('.act').count()) > 0)
}

/** What a command prints beside the demo, with the folder of somebody's home. */
async function printed(...args: string[]): Promise<string> {
  const { out } = await lab.run([...args, '--site-hub=mqtt://127.0.0.1:1883'])
  return terminalPicture(`ocs ${args.join(' ')}`, out.replaceAll(lab.path('demo'), '.demo'))
}

await seconds(SHOWN)
for (const [name, take] of Object.entries(pictures))
  if (named.length === 0 || named.some((one) => name.includes(one))) writeFileSync(file(name), await take())
