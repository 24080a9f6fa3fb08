/** `examples/cryostat-lab`: each of its files does what its README says, with simulated instruments. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { figure, Lab, OCS, ROOT, since, until } from './roles.ts'

setDefaultTimeout(500_000)

const FOLDER = join(ROOT, 'examples', 'cryostat-lab')
const PYTHON = process.env['OCS_SO3G_PYTHON'] ?? ''
if (!PYTHON) throw new Error('OCS_SO3G_PYTHON has to name a Python with so3g')

/** The requests of the dashboard, by panel. */
function asked(): [panel: string, target: string][] {
  const file = join(FOLDER, 'grafana', 'dashboards', 'cryostat', 'cryostat.json')
  const { panels } = JSON.parse(readFileSync(file, 'utf8')) as {
    panels: { title: string; targets: { target: string }[] }[]
  }
  return panels.flatMap(({ title, targets }) =>
    targets.map(({ target }) => [title, target] as [string, string]),
  )
}

test('the lab comes up, is drawn, calls people, does its steps, and is read afterwards', async () => {
  await using lab = new Lab()
  const posted: { name: string; what: string }[] = []
  using chat = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: async (request) => {
      posted.push((await request.json()) as { name: string; what: string })
      return new Response()
    },
  })
  const dir = lab.path('try')
  const begun = performance.now()
  const env = { OCS: OCS.join(' '), CHAT: `http://127.0.0.1:${chat.port}/` }
  const up = lab.program('try.sh', [join(FOLDER, 'try.sh'), dir], { env })
  const site = ['--site-file', join(dir, 'lab.yaml'), '--site-host', 'localhost']
  const check = async () => {
    const { out } = await lab.run(['check', ...site, '--state-dir', join(dir, 'state'), '--no-instruments'])
    return { out, problems: out.match(/^problem.*/gm) }
  }
  await until('every instance is there', 60, async () => {
    const { code, out } = await lab.run(['status', ...site, '--json'])
    if (code !== 0 || up.end) return false
    const { roles = [] } = JSON.parse(out) as { roles?: { state: string }[] }
    return roles.length >= 11 && roles.every(({ state }) => state === 'online')
  })
  figure(`eleven instances are there after ${since(begun).toFixed(1)} s`)
  expect((await check()).problems).toBeNull()

  const render = async (target: string) => {
    const query = new URLSearchParams({ target, from: '-10min', until: 'now', format: 'json' })
    const answer = await fetch(`http://127.0.0.1:5000/graphite/render?${query}`)
    const series = (await answer.json()) as { datapoints: [number | null, number][] }[]
    return series.filter(({ datapoints }) => datapoints.some(([value]) => value !== null))
  }
  for (const [panel, target] of asked())
    await until(`${panel}: ${target} has values`, 60, async () => (await render(target)).length > 0)
  expect((await render('aliasByNode(stages.Channel_*_T, 1)')).length).toBeGreaterThan(0)

  const ctrl = (...args: string[]) => lab.run(['ctrl', ...args, ...site], {}, 60)
  expect(await ctrl('start', 'cooling-water', 'set_limit', '--flow=4.5', '--wait')).toMatchObject({ code: 0 })
  expect(await ctrl('start', 'compressor', 'power_ptc', '--state=off', '--wait')).toMatchObject({ code: 0 })
  const cold = ['run', join(FOLDER, 'cool-down.ts'), '--below', '20', '--outputs', '10,20', '--seconds', '2']
  const refused = await lab.run(cold, {}, 60)
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('the compressor is off')])
  await until('people are called', 60, () =>
    posted.some(({ name, what }) => name === 'compressor_off' && what === 'raised'),
  )
  const log = join(dir, 'alarms.log')
  const book = () => (existsSync(log) ? readFileSync(log, 'utf8') : '')
  await until('the book has it', 30, () => /raised compressor_off: /.test(book()))
  expect(await ctrl('start', 'compressor', 'power_ptc', '--state=on', '--wait')).toMatchObject({ code: 0 })
  await until('that it is over is told', 60, () => /cleared compressor_off: /.test(book()))

  const steps = await lab.run(cold, {}, 120)
  expect([steps.code, steps.err]).toEqual([
    0,
    expect.stringContaining('the still and the scanner are as they were'),
  ])
  expect(steps.err.match(/still at (10|20) %: \S+ K, \d+ readings/g)).toHaveLength(2)

  up.signal('SIGINT')
  await up.ended(30)
  const read = lab.program('cooldown.py', [PYTHON, join(FOLDER, 'cooldown.py'), join(dir, 'recordings')])
  expect([(await read.ended(60)).code, read.text('err')]).toEqual([0, ''])
  const said = read.text('out')
  for (const name of ['plate', 'flow', 'outlet', 'inlet', 'pressure'])
    expect(said).toMatch(new RegExp(`^${name} +[1-9]\\d* samples`, 'm'))
  // 8.5 l/min that warm by 9 degrees.
  expect(Number(/^water: (\S+) kW$/m.exec(said)?.[1])).toBeCloseTo(5.3, 0)
})
