/**
 * The live page in Debian's Chromium, as a person uses it: with a mouse, with keys, on a phone, in the dark.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Locator } from 'playwright-core'
import { Chromium, drawn, shaded } from './browser.ts'
import { Cable } from './cable.ts'
import { figure, Lab, type Running, seconds, since, until } from './roles.ts'

setDefaultTimeout(400_000)

const BRIDGE_PORT = 5000
const PORT = 5001
const ORIGIN = `http://127.0.0.1:${PORT}`
const PASSWORD = 'correct horse battery'
/** Seconds that any step may take on a busy machine; the figures show how long it took. */
const PATIENCE = 60
const PLOT = 'channel_00 … channel_03'
/** The folder for screenshots of the page; none by default. */
const SHOTS = process.env['OCS_SHOTS'] ?? ''
const SITE = `
hub: { mqtt_server: 'mqtt://127.0.0.1:1883', wamp_server: 'ws://127.0.0.1:8001/ws' }
hosts:
  localhost:
    agent-instances:
      - { agent-class: FakeDataAgent, instance-id: fake, arguments: [--mode, acq, --num-channels, '4'] }
      - { agent-class: AggregatorAgent, instance-id: aggregator, arguments: [--data-dir, data] }
      - { agent-class: ThermometryDataNode, instance-id: fake-node, arguments: [--target, fake, --name, FAKE, --feed, all] }
      - { agent-class: FakeDataAgent, instance-id: other, arguments: [--mode, acq] }
      - { agent-class: FakeDataAgent, instance-id: many1, arguments: [--mode, acq, --num-channels, '1000', --sample-rate, '1'] }
      - { agent-class: FakeDataAgent, instance-id: many2, arguments: [--mode, acq, --num-channels, '1000', --sample-rate, '1'] }
      - { agent-class: ThermometryDataNode, instance-id: many1-node, arguments: [--target, many1, --name, MANY1, --feed, all] }
      - { agent-class: ThermometryDataNode, instance-id: many2-node, arguments: [--target, many2, --name, MANY2, --feed, all] }
      - { agent-class: AlarmAgent, instance-id: alarms }
alarms:
  rules:
    - { name: warm, kind: limit, field: fake.false_temperatures.channel_00, low: 1000, message: it is warm }
`

interface Canvas {
  toDataURL(): string
}
interface Styled {
  getComputedStyle(of: unknown): { readonly fontSize: string }
}

const lab = new Lab()
const site = ['--site-file', lab.path('site.yaml'), '--site-host', 'localhost']
const agent = (instance: string) => lab.start(instance, ['agent', '--instance-id', instance, ...site])
const bridge = () => lab.start('bridge', ['bridge', ...site])
const cable = new Cable(BRIDGE_PORT)
let chromium: Chromium
let node: Running
let serving: Running
let hub: Running

beforeAll(async () => {
  writeFileSync(lab.path('site.yaml'), SITE)
  hub = lab.start('hub', ['hub', ...site])
  await hub.says('listening on ws://', PATIENCE)
  serving = bridge()
  agent('aggregator')
  const fake = agent('fake')
  node = agent('fake-node')
  await Promise.all([
    serving.says('listening on', PATIENCE),
    fake.says('launching acq', PATIENCE),
    node.says('launching serve', PATIENCE),
  ])
  await cable.listen(PORT)
  chromium = await Chromium.open(ORIGIN)
})
afterAll(async () => {
  await chromium?.[Symbol.asyncDispose]()
  await cable[Symbol.asyncDispose]()
  await lab[Symbol.asyncDispose]()
})

const shot = async (name: string) => {
  if (SHOTS !== '') await chromium.page.screenshot({ path: join(SHOTS, `${name}.png`) })
}
const tile = (field = 'channel_00') => chromium.page.locator('.tile', { hasText: field }).first()
const said = async (place: Locator) => (await place.textContent()) ?? ''
const fresh = async () => isFresh(tile())
const isFresh = async (place: Locator) => /^\d+ s ago$/.test(await said(place.locator('.age')))
const link = () => said(chromium.page.locator('#link'))
const isLive = async () => (await link()) === 'live'

test('it opens with a plot; values move and the plot fills', async () => {
  const { page } = chromium
  const start = performance.now()
  await page.goto(ORIGIN)
  await page.locator('.panel canvas').first().waitFor()
  await until('values are there', PATIENCE, fresh)
  figure(`plots and values are there ${since(start).toFixed(2)} s after the page was asked for`)
  // The other curves would hide it where they cross.
  for (const other of ['channel_01', 'channel_02', 'channel_03']) await tile(other).click()
  await page.mouse.move(0, 0)
  const [value, filled] = [await said(tile().locator('.value')), await drawn(page, PLOT)]
  await until('the value moves', PATIENCE, async () => (await said(tile().locator('.value'))) !== value)
  await until('the plot fills', PATIENCE, async () => (await drawn(page, PLOT)).columns > filled.columns + 2)
  expect(await page.locator('.agent[aria-label="fake"] .badge.running').count()).toBeGreaterThan(0)
  expect(await said(page.locator('#recorder'))).toContain('rows behind')
  expect(await page.locator('.act').count()).toBe(0)
})

test('the data node restarts: the plot goes on, without a hole', async () => {
  const { page } = chromium
  await page.evaluate('window.kept = true')
  await node.kill()
  await until('the page says so', PATIENCE, async () => (await page.locator('.node.away').count()) === 1)
  const before = await drawn(page, PLOT)
  const start = performance.now()
  node = agent('fake-node')
  await until(
    'it is back',
    PATIENCE,
    async () => (await fresh()) && (await page.locator('.node.away').count()) === 0,
  )
  figure(`a restarted node is back on the page ${since(start).toFixed(1)} s after its start`)
  await until('the hole is filled', PATIENCE, async () => {
    const { columns, gap } = await drawn(page, PLOT)
    return columns > before.columns + 5 && gap <= 3
  })
  expect(await page.evaluate('window.kept')).toBe(true)
})

test('the network, and the bridge, go away and come back: the page says so and fills the hole', async () => {
  const { page } = chromium
  const back = async (how: string, start: number) => {
    await until('it is live again', PATIENCE, isLive)
    figure(`${how}: live again after ${since(start).toFixed(1)} s`)
    await until('the hole is filled', PATIENCE, async () => {
      const { columns, gap } = await drawn(page, PLOT)
      return (await fresh()) && columns > 20 && gap <= 3
    })
  }
  cable.pull()
  await until('it says offline', PATIENCE, async () => (await link()).startsWith('offline'))
  await shot('offline')
  await seconds(5)
  await until('values are stale', PATIENCE, async () => !(await fresh()))
  let start = performance.now()
  cable.plug()
  await back('network', start)

  await serving.kill()
  await until('it says offline', PATIENCE, async () => (await link()).startsWith('offline'))
  await seconds(4)
  start = performance.now()
  serving = bridge()
  await serving.says('listening on', PATIENCE)
  await back('bridge', start)
  expect(await page.evaluate('window.kept')).toBe(true)
})

test('an operator who has signed in starts an operation, by keys alone; nobody else can', async () => {
  const { page } = chromium
  const request = { instance: 'fake', op: 'delay_task', action: 'start', params: {} }
  const ask = () =>
    page.evaluate(async (body) => {
      const headers = { 'content-type': 'application/json' }
      return (await fetch('/page/op', { method: 'POST', headers, body: JSON.stringify(body) })).status
    }, request)
  expect(await ask()).toBe(401)
  await page.locator('#account button', { hasText: 'Sign in' }).click()
  expect(await said(page.locator('#dialog'))).toContain('ocs hub passwd')
  await page.keyboard.press('Escape')

  const adding = lab.start('passwd', ['hub', 'passwd', 'maya', '--role', 'operator:1'])
  adding.write(`${PASSWORD}\n`)
  expect((await adding.ended(PATIENCE)).code).toBe(0)
  await page.reload()
  const enter = page.locator('#account button', { hasText: 'Sign in' })
  await enter.focus()
  await page.keyboard.press('Enter')
  await page.keyboard.type('maya')
  await page.keyboard.press('Tab')
  await page.keyboard.type('wrong password')
  await page.keyboard.press('Enter')
  await until('it is refused', PATIENCE, async () =>
    (await said(page.locator('#dialog .fault').last())).includes('no such name and password'),
  )
  await page.keyboard.type(PASSWORD)
  await page.keyboard.press('Enter')
  await until('she is in', PATIENCE, async () =>
    (await said(page.locator('#account'))).includes('maya (operator:1)'),
  )

  await page.locator('.agent[aria-label="fake"] summary').focus()
  await page.keyboard.press('Enter')
  await page.locator('[aria-label="start fake delay_task"]').focus()
  await page.keyboard.press('Enter')
  await page.locator('#param-delay').fill('-1')
  await shot('form')
  expect(await chromium.inaccessible()).toEqual([])
  await page.keyboard.press('Enter')
  await until('the agent’s rule is said', PATIENCE, async () =>
    (await said(page.locator('#dialog .fault'))).includes('delay takes at least 0'),
  )
  await page.locator('#param-delay').fill('0.5')
  await page.keyboard.press('Enter')
  await until('it has run', PATIENCE, async () =>
    (await said(page.locator('.agent[aria-label="fake"]'))).includes('Exited after 0.'),
  )
  await until('how it ended is shown', PATIENCE, async () =>
    /done at [\d:]+, after \d s: Exited after 0\./.test(await said(page.locator('#dialog'))),
  )
  await page.keyboard.press('Escape')
  // The next time, the form has the previous values.
  await page.locator('[aria-label="start fake delay_task"]').click()
  await page.locator('#param-delay').waitFor()
  expect(await page.locator('#param-delay').inputValue()).toBe('0.5')
  await page.keyboard.press('Escape')
  const { out } = await lab.run(['ctrl', 'history', 'fake', 'delay_task', '--json', ...site])
  expect(out).toContain('maya@')
  expect(out).toContain('(live page)')
  await until('it is listed', PATIENCE, async () =>
    (await said(page.locator('#events'))).includes('delay_task done'),
  )
  // An active alarm is acknowledged from the top of the page.
  const watch = agent('alarms')
  const ack = page.locator('#alarms [aria-label="Acknowledge warm"]')
  await ack.click({ timeout: PATIENCE * 1000 })
  expect(await page.locator('#param-alarm').inputValue()).toBe('warm')
  await page.locator('#param-text').fill('pump is back')
  await page.keyboard.press('Enter')
  await until('it is seen to', PATIENCE, async () =>
    (await said(page.locator('#alarms'))).includes('acknowledged by maya'),
  )
  await page.keyboard.press('Escape')
  expect(await ack.count()).toBe(0)
  await shot('alarm')
  expect(await chromium.inaccessible()).toEqual([])
  await watch.stop()
  await page.locator('#account button', { hasText: 'Sign out' }).click()
  await until('she is out', PATIENCE, async () => (await page.locator('.act').count()) === 0)
  expect(await ask()).toBe(401)
})

test('a span is drawn over and stays; it is moved, widened, and left for the newest; an axis turns logarithmic', async () => {
  const { page } = chromium
  await page.goto(ORIGIN)
  await page.locator('.panel canvas').first().waitFor()
  await until('values are there', PATIENCE, fresh)
  const shown = page.locator('#window')
  const asked: string[] = []
  page.on('request', (request) => {
    if (request.url().includes('/page/past')) asked.push(request.url())
  })
  const spanOf = (url = '') => {
    const given = new URL(url).searchParams
    return Number(given.get('to')) - Number(given.get('from'))
  }
  const plot = page.locator(`.panel[aria-label="${PLOT}"] .u-over`)
  const drag = async (from: number, to: number) => {
    const { x, y, width, height } = (await plot.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 }
    await page.mouse.move(x + from * width, y + height / 2)
    await page.mouse.down()
    await page.mouse.move(x + to * width, y + height / 2, { steps: 5 })
    await page.mouse.up()
  }
  expect(await shown.isVisible()).toBe(false)
  await drag(0.5, 0.7)
  await until('the past is asked for', PATIENCE, () => asked.length > 0)
  const words = await said(shown)
  expect(words).toMatch(/^\d\d:\d\d:\d\d – \d\d:\d\d:\d\d$/)
  // A fifth of five minutes, to a pixel.
  expect(spanOf(asked.at(-1)) / 60_000).toBeCloseTo(1, 1)
  await shot('zoomed')
  // It stays while values change.
  const value = await said(tile().locator('.value'))
  await until('the value moves', PATIENCE, async () => (await said(tile().locator('.value'))) !== value)
  expect(await said(shown)).toBe(words)
  const picture = () =>
    page
      .locator(`.panel[aria-label="${PLOT}"] canvas`)
      .evaluate((one) => (one as unknown as Canvas).toDataURL())
  await page.mouse.move(0, 0)
  const linear = await picture()
  await page.locator(`.panel[aria-label="${PLOT}"] button`, { hasText: 'log' }).click()
  await until('the axis is another', PATIENCE, async () => (await picture()) !== linear)
  await shot('log')
  await page.locator(`.panel[aria-label="${PLOT}"] button`, { hasText: 'log' }).click()
  await until('the axis is as before', PATIENCE, async () => (await picture()) === linear)
  await page.locator('button[title="Earlier"]').click()
  await until('it is earlier', PATIENCE, async () => (await said(shown)) < words)
  const before = asked.length
  await page.locator('button[title="More time"]').click()
  await until('more is asked for', PATIENCE, () => asked.length > before)
  expect(spanOf(asked.at(-1)) / 120_000).toBeCloseTo(1, 1)
  await plot.dblclick()
  await until('the newest is there', PATIENCE, async () => !(await shown.isVisible()))
  await page.locator('.spans label', { hasText: '7 d' }).click()
  await until('a week is asked for', PATIENCE, () => spanOf(asked.at(-1)) > 6.9 * 86_400_000)
  await page.locator('.spans label', { hasText: '5 min' }).click()
})

test('on a wall there are the last values alone, of the fields that are chosen', async () => {
  const { page } = chromium
  await page.goto(`${ORIGIN}/?view=wall&find=fake::channel`)
  await until('values are there', PATIENCE, fresh)
  expect(await page.locator('.tile:visible').count()).toBe(4)
  expect(await page.locator('canvas:visible, aside:visible, .bar:visible').count()).toBe(0)
  const size = await tile()
    .locator('.value')
    .evaluate((one) => (globalThis as unknown as Styled).getComputedStyle(one).fontSize)
  expect(Number.parseFloat(size)).toBeGreaterThan(28)
  await shot('wall')
  expect(await chromium.inaccessible()).toEqual([])
  await page.locator('#wall').click()
  await page.locator('.panel canvas').first().waitFor()
  expect(await page.locator('#find').inputValue()).toBe('fake::channel')
})

test('a task shades the plots of what its own agent reads, and no other', async () => {
  const { page } = chromium
  // In 5 min, 12 s are 4 % of a plot.
  const run = (instance: string) =>
    lab.run(['ctrl', 'start', instance, 'delay_task', '--delay', '12', '--wait', ...site])
  await agent('other').says('launching acq', PATIENCE)
  // Grid lines also go from top to bottom.
  const before = await shaded(page, PLOT)
  expect((await run('other')).code).toBe(0)
  await until('it is listed', PATIENCE, async () =>
    /other delay_task done/.test(await said(page.locator('#events'))),
  )
  const { columns } = await drawn(page, PLOT)
  await until('the plot goes on', PATIENCE, async () => (await drawn(page, PLOT)).columns > columns)
  expect(await shaded(page, PLOT)).toBeLessThan(before + 0.02)
  expect((await run('fake')).code).toBe(0)
  await until('its own is shaded', PATIENCE, async () => (await shaded(page, PLOT)) > before + 0.03)
  // The time line shows it as well, with its duration.
  await until('it is on the time line', PATIENCE, async () =>
    /^fake delay_task idle, [\d:]+ – [\d:]+$/.test(
      (await page.locator('.lane', { hasText: 'fake' }).locator('.stretch').last().getAttribute('title')) ??
        '',
    ),
  )
  const own = 100 * ((await shaded(page, PLOT)) - before)
  figure(`12 s of a task shade ${own.toFixed(1)} % of the 5 min of its own plot, and nothing of another's`)
  await shot('shaded')
})

test('on a phone, in the dark, in the light: nothing is cut off, and axe-core finds nothing serious', async () => {
  const { page } = chromium
  for (const [name, size] of [
    ['wide', { width: 1360, height: 900 }],
    ['phone', { width: 390, height: 844 }],
  ] as const) {
    await page.setViewportSize(size)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      for (const view of name === 'phone' ? ['agents', 'recorder', 'events', 'readings'] : ['']) {
        if (view !== '') await page.locator(`#views [data-view=${view}]`).click()
        expect(await chromium.inaccessible()).toEqual([])
        const wide = await page.evaluate('document.documentElement.scrollWidth')
        expect([name, view, wide]).toEqual([name, view, size.width])
        if (view === 'agents') await shot(`${name}-${colorScheme}-agents`)
      }
      await until('the plot is drawn', PATIENCE, async () => (await drawn(page, PLOT)).columns > 20)
      await shot(`${name}-${colorScheme}`)
    }
  }
  await page.setViewportSize({ width: 1360, height: 900 })
})

test('2,000 fields: all are there, one is found by its name, and what is scrolled to is alive', async () => {
  const { page } = chromium
  const watched: number[] = []
  page.on('request', (request) => {
    if (!request.url().endsWith('/page/watch')) return
    const { metrics } = request.postDataJSON() as { metrics: string[] }
    watched.push(metrics.length)
  })
  // Begun before the fields are there: the work done as soon as they arrive is most of it.
  await page.evaluate(`
    window.longest = 0
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration)
    }).observe({ type: 'longtask' })`)
  for (const instance of ['many1', 'many2', 'many1-node', 'many2-node']) agent(instance)
  const listed = async () =>
    (await page.locator('.node > summary .note').allTextContents()).filter((text) =>
      text.includes('1\u202f000 fields'),
    )
  await until('all fields are listed', PATIENCE, async () => (await listed()).length === 2)
  expect(await page.locator('.tile').count()).toBeGreaterThanOrEqual(2004)
  const start = performance.now()
  await page.locator('#find').fill('many2 channel_999')
  await until('the one is found', PATIENCE, async () => (await page.locator('.tile:visible').count()) === 1)
  figure(`one of 2,004 fields is found in ${since(start).toFixed(2)} s`)
  const one = page.locator('.tile:visible')
  await until('its value is there', PATIENCE, () => isFresh(one))
  const value = await said(one.locator('.value'))
  await until('its value moves', PATIENCE, async () => (await said(one.locator('.value'))) !== value)
  await page.locator('#find').fill('')
  await page
    .locator('.tile', { hasText: 'channel_500' })
    .last()
    .evaluate((tile: { scrollIntoView(): void }) => tile.scrollIntoView())
  await until('what is scrolled to is alive', PATIENCE, async () => {
    return isFresh(page.locator('.tile', { hasText: 'channel_500' }).last())
  })
  await shot('many')
  figure(`${watched.at(-1)} of 2,004 fields are asked for: those in view, and a little around it`)
  expect(watched.at(-1)).toBeGreaterThan(0)
  expect(Math.max(...watched)).toBeLessThan(500)
  const longest = Number(await page.evaluate('window.longest'))
  figure(`the page was never busy for longer than ${Math.max(50, Math.round(longest))} ms at a time`)
  // Chromium reports tasks above 50 ms, and this one.
  await page.evaluate(`
    window.longest = 0
    setTimeout(() => { for (const end = performance.now() + 100; performance.now() < end; ); })`)
  await until('a long task is seen', PATIENCE, () => page.evaluate('window.longest > 0'))
})

test('what has not been loaded when the hub goes away cannot be asked, and is not called without data', async () => {
  const { page } = chromium
  await hub.stop()
  await until('the page says so', PATIENCE, async () => (await link()) !== 'live')
  const unseen = page.locator('.tile', { hasText: 'channel_900' }).last()
  expect(await said(unseen.locator('.value'))).toBe('–')
  await unseen.evaluate((tile: { scrollIntoView(): void }) => tile.scrollIntoView())
  await until(
    'it has been asked',
    PATIENCE,
    async () => !/^(loading.*)?$/.test(await said(unseen.locator('.age'))),
  )
  expect(await said(unseen.locator('.age'))).toBe('not available')
  await shot('away')
})

test('nothing was asked of anyone but the bridge, and the console stayed quiet', () => {
  expect(chromium.faults).toEqual([])
})
