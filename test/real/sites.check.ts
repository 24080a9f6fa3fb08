/**
 * Two sites, each with its own hub on its own host (network namespaces), and one bridge. The link between
 * them is cut and restored: the other site is away, shown grey with its age on the page, this one continues,
 * and rows recorded there meanwhile are available afterwards.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Chromium, drawn } from './browser.ts'
import { type Host, Network } from './hosts.ts'
import { figure, Lab, type Running, seconds, until } from './roles.ts'

setDefaultTimeout(600_000)
const URL_OF_BRIDGE = 'http://127.0.0.1:5000'
/** The first host on the switch. */
const THERE = '10.99.0.2'
const METRIC = 'FAKE::channel_00'
/** The plots of both sites on the page. */
const [PLOT, BARNS_PLOT] = ['channel_00 … channel_01', 'channel_00 … channel_02']
/** The folder for screenshots of the page; none by default. */
const SHOTS = process.env['OCS_SHOTS'] ?? ''

/** The parts of the page's own globals that are used here. */
interface Element {
  readonly ariaLabel: string
  readonly className: string
}
interface Styled {
  getComputedStyle(of: unknown): { readonly color: string }
}

/** Starts a role of a site: here, or on another host. */
type Start = (name: string, args: readonly string[]) => Running

/** A site with an agent and its data node, on the hub of its host. */
async function site(
  lab: Lab,
  name: string,
  start: Start,
  channels: number,
  more: object,
  ...hub: string[]
): Promise<string[]> {
  const file = lab.path(`${name}.yaml`)
  const instances = [
    {
      'agent-class': 'FakeDataAgent',
      'instance-id': 'fake',
      arguments: ['--mode', 'acq', '--sample-rate', '2', '--num-channels', String(channels)],
    },
    {
      'agent-class': 'ThermometryDataNode',
      'instance-id': 'node',
      arguments: ['--target', 'fake', '--name', 'FAKE', '--feed', 'false_temperatures'],
    },
  ]
  const hosts = { localhost: { 'agent-instances': instances } }
  writeFileSync(file, JSON.stringify({ hub: { mqtt_server: 'mqtt://127.0.0.1:1883' }, hosts, ...more }))
  const flags = ['--site-file', file, '--site-host', 'localhost']
  await start(`${name}-hub`, ['hub', ...hub]).says('listening on ws://', 40)
  for (const instance of ['fake', 'node'])
    await start(`${name}-${instance}`, ['agent', '--instance-id', instance, ...flags]).says(
      'session joined',
      40,
    )
  return flags
}

const on =
  (host: Host, env: Record<string, string>): Start =>
  (name, args) =>
    host.start(name, args, { env })

/** The times (unix s) at which the bridge has values of a metric. */
async function times(metric: string): Promise<number[]> {
  const answer = await fetch(`${URL_OF_BRIDGE}/api/data?metric=${metric}&from=now-10m&max_points=20000`)
  if (!answer.ok) return []
  return ((await answer.json()) as { time: number; value: number | null }[])
    .filter(({ value }) => value !== null)
    .map(({ time }) => time / 1000)
}

const sites = async () =>
  ((await (await fetch(URL_OF_BRIDGE)).json()) as { sites: { barn: string } }).sites.barn

test('a link between two sites is cut and put back', async () => {
  await using lab = new Lab()
  const network = await Network.open(lab)
  const barn = await network.host('barn')
  const wide = ['--listen', '127.0.0.1:1883', '--listen', `${THERE}:1883`, '--insecure']
  await site(lab, 'barn', on(barn, { OCS_STATE_DIR: lab.path('barn') }), 3, {}, ...wide)
  const others = { sites: { barn: { mqtt_server: `mqtt://${THERE}:1883` } } }
  const flags = await site(lab, 'mill', (name, args) => lab.start(name, args), 2, others)
  await lab.start('bridge', ['bridge', ...flags]).says('listening on', 40)
  await until(
    'both sites are shown',
    60,
    async () => (await times(METRIC)).length > 4 && (await times(`barn/${METRIC}`)).length > 4,
  )
  expect(await sites()).toBe('connected')

  // Only data of one of them has both names.
  const listed = (await (await fetch(`${URL_OF_BRIDGE}/api/metrics`)).json()) as { metric: string }[]
  const half = listed.filter(({ metric }) => metric.startsWith('barn/')).length
  expect([half, listed.length]).toEqual([3, 5])

  const status = async () => JSON.parse((await lab.run(['status', '--json', ...flags])).out)
  expect(await status()).toMatchObject({
    hub: { connected: true },
    sites: { barn: { hub: { connected: true, url: `mqtt://${THERE}:1883` } } },
  })
  const made = await lab.run(['grafana', 'provision', '--out', lab.path('grafana'), ...flags], {}, 60)
  expect([made.code, made.err]).toEqual([0, expect.not.stringContaining('barn')])
  const boards = readdirSync(lab.path('grafana'), { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.json$/.test(file),
  )
  expect(boards.map((file) => readFileSync(lab.path('grafana', file), 'utf8')).join()).toContain('barn_FAKE')

  await using browser = await Chromium.open(URL_OF_BRIDGE)
  const { page } = browser
  const shot = async (name: string) => {
    if (SHOTS !== '') await page.screenshot({ path: join(SHOTS, `sites-${name}.png`) })
  }
  const agents = () =>
    page
      .locator('.agent')
      .evaluateAll((cards) => (cards as unknown as Element[]).map((card) => [card.ariaLabel, card.className]))
  const filled = async (plot: string) => (await drawn(page, plot)).columns > 5
  await page.goto(URL_OF_BRIDGE)
  await until('both sites are drawn', 60, async () => (await filled(PLOT)) && (await filled(BARNS_PLOT)))
  expect(await agents()).toEqual([
    ['barn/fake', 'agent online'],
    ['fake', 'agent online'],
    ['barn/node', 'agent online'],
    ['node', 'agent online'],
  ])

  barn.pull()
  const cut = Date.now() / 1000
  const away = await until('the bridge says so', 40, async () => {
    const said = await sites()
    return said !== 'connected' && said
  })
  expect(away).toMatch(/^the link to the site barn is down since \d{4}-/)
  await until('the page says so', 40, async () => (await page.locator('.agent.away').count()) === 2)
  expect(await agents()).toEqual([
    ['fake', 'agent online'],
    ['node', 'agent online'],
    ['barn/fake', 'agent away'],
    ['barn/node', 'agent away'],
  ])
  const card = page.locator('.agent[aria-label="barn/fake"]')
  expect(await card.locator('.fault').textContent()).toBe(away)
  // Nobody knows what it does meanwhile, and most continues.
  expect(await card.locator('.op .badge').first().textContent()).toBe('not known')
  const grey = page.locator('.agent[aria-label="barn/fake"] h3')
  const colourOf = (place: typeof grey) =>
    place.evaluate((one) => (globalThis as unknown as Styled).getComputedStyle(one).color)
  expect(await colourOf(grey)).not.toBe(await colourOf(page.locator('.agent[aria-label="fake"] h3')))
  // Its last heartbeat grows old, where others have one every five seconds.
  const age = async () =>
    Number(/^♥ (\d+) s ago$/.exec((await card.locator('.beat').textContent()) ?? '')?.[1])
  await until('its age is shown', 60, async () => (await age()) > 15)
  const section = page.locator('.node', { has: page.locator('h3', { hasText: /^barn\/FAKE$/ }) })
  const note = async () => (await section.locator('.note').textContent()) ?? ''
  await until('its plots say so', 40, async () => (await note()).includes(away))
  await shot('away')
  await seconds(6)
  const { roles, sites: looked } = await status()
  expect(looked).toMatchObject({ barn: { hub: { connected: false } } })
  expect(roles.map(({ state }: { state: string }) => state)).toEqual(['online', 'online'])
  const here = (await times(METRIC)).filter((time) => time > cut)
  expect(here.length).toBeGreaterThan(10)
  expect(await times(`barn/${METRIC}`)).toEqual([])

  const plugged = Date.now() / 1000
  barn.plug()
  await until('it is back', 40, async () => (await sites()) === 'connected')
  const there = await until('what it has recorded meanwhile is there', 40, async () => {
    const all = await times(`barn/${METRIC}`)
    return (all.at(-1) ?? 0) > plugged && all
  })
  const between = there.filter((time) => time > cut && time < plugged)
  const steps = there.slice(1).map((time, i) => time - (there[i] ?? 0))
  figure(
    `link cut for ${(plugged - cut).toFixed(1)} s: ${between.length} samples of the other site from that time, longest step ${Math.max(...steps).toFixed(2)} s`,
  )
  await until('the page says so', 40, async () => (await page.locator('.away').count()) === 0)
  const hole = await until('the hole on the page is filled', 40, async () => {
    const { columns, gap } = await drawn(page, BARNS_PLOT)
    return columns > 20 && gap <= 4 && { columns, gap }
  })
  figure(`on the page it is drawn in ${hole.columns} columns, ${hole.gap} apart at most`)
  await shot('back')
  expect(browser.faults).toEqual([])
  // Two per second were read there, and none is missing except because this machine is busy.
  expect(between.length).toBeGreaterThan((plugged - cut) * 2 * 0.8)
})
