/**
 * A data node that restarts under a dashboard: the same metrics keep answering, and the last hour is back at
 * once.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { HERTZ, HOUR, spoolAnHour } from './an-hour.ts'
import { type Curve, query } from './grafana.ts'
import { figure, Lab, seconds, since, until } from './roles.ts'
import { YaleLab } from './yale-lab.ts'

setDefaultTimeout(400_000)

/**
 * Maximum time until the hour is back, in units of the time it takes to join: on a quiet machine 0.6 s
 * compared with 0.18 s.
 */
const BACK = 8
/** Seconds between two polls of the dashboard. */
const DASHBOARD = 0.2
const METRIC = 'LSA21OQ::Channel_1_T'
const OTHER = 'LSA22YG::Channel_01_T'

test('a restarted data node has 60 minutes of 10 Hz within eight times of what it takes to join, without any /search', async () => {
  await using lab = new Lab()
  const end = await spoolAnHour(lab.path('state', 'observatory', 'ls240.sqlite'))
  const yale = new YaleLab(lab, { spelling: 'flags', found: 'port', idle: true })
  await yale.instruments()
  yale.start('hub')
  const agents = [yale.start('ls240'), yale.start('control')]
  yale.start('bridge')
  await Promise.all(agents.map((agent) => agent.says('idle: waiting', 15)))
  expect(await yale.ctrl('start', 'control', 'acq')).toMatchObject({ code: 0 })
  let node = yale.start('node')
  yale.start('node2')
  const count = async () => {
    // In halves, since an answer is thinned to 20,000 points per curve.
    const halves = [await query([METRIC], HOUR, HOUR / 2), await query([METRIC], HOUR / 2, 0)]
    return halves.flat().reduce((sum, { datapoints }) => sum + datapoints.length, 0)
  }
  // Rows that the agent itself released in the meantime are older than an hour.
  const all = HOUR * HERTZ - 60 * HERTZ
  // Rows come in order: with the last second the whole hour is there. Requesting no more leaves the node its
  // time.
  const filled = async () => {
    const ago = Date.now() / 1000 - end
    return (await query([METRIC], ago + 1, ago - 1)).some(({ datapoints }) => datapoints.length >= HERTZ)
  }
  // A name that no node has announced yet is refused.
  await until('the hour is there', 20, () => filled().catch(() => false))
  expect(await count()).toBeGreaterThan(all)
  // A scanner visits each channel only once in a while.
  await until('the other is there', 150, async () =>
    (await query([OTHER], HOUR)).some(({ datapoints }) => datapoints.length > 0),
  )

  expect(await node.stop()).toMatchObject({ code: 0 })
  const gone = await query([METRIC, OTHER], HOUR)
  expect(gone.map(({ target, datapoints }) => [target, datapoints.length > 0])).toEqual([
    [METRIC, false],
    [OTHER, true],
  ])

  // A dashboard polls meanwhile: every answer is 200, or query() throws.
  const answers: Curve[][] = []
  let polling = true
  const poll = (async () => {
    while (polling) {
      answers.push(await query([METRIC, OTHER], HOUR, 0, 1000))
      await seconds(DASHBOARD)
    }
  })()
  for (const how of ['stopped', 'killed'] as const) {
    if (how === 'killed') await node.kill()
    const start = performance.now()
    node = yale.start('node')
    await node.says('session joined')
    const joined = since(start)
    await until('the hour is back', 20, filled)
    const took = since(start)
    const points = await count()
    expect(points).toBeGreaterThan(all)
    figure(
      `${how}: ${points} points back ${took.toFixed(2)} s after the start, ${joined.toFixed(2)} s to join`,
    )
    expect(took / joined).toBeLessThan(BACK)
  }
  polling = false
  await poll
  expect(answers.every(([, other]) => other && other.datapoints.length > 0)).toBe(true)
  figure(`${answers.length} queries of a dashboard meanwhile, each with status 200 and the other curve whole`)
})
