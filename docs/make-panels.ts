/**
 * Takes the picture of each instrument's panel on the live page, `docs/agents/CLASS.png`, from its simulator:
 * `.ci/alone bun docs/make-panels.ts [CLASS…]`, with Debian's Chromium; all of them where none is named.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Chromium } from '../test/real/browser.ts'
import { Lab, seconds, until } from '../test/real/roles.ts'

const ORIGIN = 'http://127.0.0.1:5000'
/** Seconds of readings that a picture shows. */
const SHOWN = 45

/** How an instrument is simulated and reached, and what is done with it so that there is something to see. */
interface Instrument {
  readonly sim: readonly string[]
  readonly args: readonly string[]
  readonly tasks?: readonly (readonly string[])[]
}

/** What each channel of a power supply is set to, V and A. */
const SUPPLY = [
  ['1', '12', '0.5'],
  ['2', '5', '1'],
  ['3', '3.3', '0.2'],
] as const

/** Each class with how its instrument is simulated and reached. */
const known: Readonly<Record<string, Instrument>> = {
  Lakeshore240Agent: {
    sim: ['lakeshore240', '--tcp', '127.0.0.1:7001'],
    args: ['--ip-address', '127.0.0.1:7001'],
  },
  Lakeshore372Agent: {
    sim: ['lakeshore372', '--tcp', '127.0.0.1:7002'],
    args: ['--ip-address', '127.0.0.1:7002'],
  },
  Lakeshore336Agent: {
    sim: ['lakeshore336', '--tcp', '127.0.0.1:7003'],
    args: ['--ip-address', '127.0.0.1:7003', '--f-sample', '2'],
  },
  CryomechCPAAgent: {
    sim: ['cryomech-cpa', '--tcp', '127.0.0.1:7004'],
    args: ['--ip-address', '127.0.0.1', '--port', '7004'],
  },
  ScpiPsuAgent: {
    sim: ['scpi-psu', '--tcp', '127.0.0.1:7005'],
    args: ['--ip-address', '127.0.0.1', '--port', '7005'],
    tasks: SUPPLY.flatMap(([channel, volts, current]) => [
      ['set_voltage', '--channel', channel, '--volts', volts],
      ['set_current', '--channel', channel, '--current', current],
      ['set_output', '--channel', channel, '--state', 'true'],
    ]),
  },
  UPSAgent: {
    sim: ['ups', '--udp', '127.0.0.1:7006'],
    args: ['--address', '127.0.0.1', '--port', '7006', '--period', '2'],
  },
  BlueforsAgent: { sim: ['bluefors', '--dir', 'logs'], args: ['--log-directory', 'logs'] },
}

const named = process.argv.slice(2)
const panels = Object.fromEntries(
  Object.entries(known).filter(([name]) => named.length === 0 || named.includes(name)),
)

/** Pixels of a picture at most, and around the panels. */
const HIGHEST = 760
const MARGIN = 10

/** The height of the first panels: they say enough, and none is cut. */
function wholeRows(panels: readonly { readonly y: number; readonly height: number }[]): number {
  const ends = panels.map(({ y, height }) => y + height)
  const whole = ends.filter(
    (end) => end <= HIGHEST && panels.every((one, i) => one.y > end || (ends[i] ?? 0) <= end),
  )
  return Math.max(...whole) + MARGIN
}

interface HTMLStyled {
  readonly style: { setProperty(name: string, value: string): void }
}

await using lab = new Lab()
mkdirSync(lab.path('logs'))
const nameOf = (name: string) => name.replace(/Agent$/, '').toLowerCase()
const instances = Object.entries(panels).flatMap(([name, { args }]) => {
  const id = nameOf(name)
  const node = ['--target', id, '--name', id.toUpperCase(), '--feed', 'all']
  return [
    `      - { agent-class: ${name}, instance-id: ${id}, arguments: ${JSON.stringify(args)} }`,
    `      - { agent-class: ThermometryDataNode, instance-id: ${id}-node, arguments: ${JSON.stringify(node)} }`,
  ]
})
const site = lab.path('site.yaml')
writeFileSync(
  site,
  `hub: { mqtt_server: 'mqtt://127.0.0.1:1883' }\nhosts:\n  localhost:\n    agent-instances:\n${instances.join('\n')}\n`,
)
const flags = ['--site-file', site, '--site-host', 'localhost']
await lab.hub()
for (const [name, { sim }] of Object.entries(panels)) {
  lab.start(`sim-${name}`, ['sim', ...sim, '--serial-number', 'SIM1'])
  for (const id of [nameOf(name), `${nameOf(name)}-node`])
    lab.start(id, ['agent', '--instance-id', id, ...flags])
}
lab.start('bridge', ['bridge', ...flags])
await using chromium = await Chromium.open(ORIGIN)
const { page } = chromium
await until('the page', 60, async () => {
  const answer = await page.goto(ORIGIN).catch(() => null)
  return answer?.ok()
})
// It would lie over the panels.
await page
  .locator('header')
  .first()
  .evaluate((element) => (element as unknown as HTMLStyled).style.setProperty('display', 'none'))
for (const [name, { tasks = [] }] of Object.entries(panels))
  for (const [op = '', ...params] of tasks) {
    const done = await lab.run(['ctrl', 'start', nameOf(name), op, ...params, '--wait', ...flags])
    if (done.code !== 0) throw new Error(`${name}: ${op}: ${done.err}`)
  }
await seconds(SHOWN)
for (const name of Object.keys(panels)) {
  const section = page.locator('#nodes details', {
    has: page.locator('summary', { hasText: nameOf(name).toUpperCase() }),
  })
  await section.scrollIntoViewIfNeeded()
  await seconds(2)
  const path = fileURLToPath(new URL(`agents/${name}.png`, import.meta.url))
  const box = await section.boundingBox()
  if (!box) throw new Error(`${name}: no panel on the page`)
  await section.evaluate((element) => (element as unknown as { scrollIntoView(): void }).scrollIntoView())
  await seconds(1)
  const panels = await Promise.all((await section.locator('.panel').all()).map((one) => one.boundingBox()))
  const height = wholeRows(panels.flatMap((one) => one ?? []))
  const clip = { x: Math.max(0, box.x - MARGIN), y: 0, width: box.width + 2 * MARGIN, height }
  await page.screenshot({ path, clip })
}
