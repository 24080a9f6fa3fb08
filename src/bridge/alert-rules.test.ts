/** The provisioned alert rules, evaluated as Grafana does, on what the bridge answers. */
import { afterEach, expect, test } from 'bun:test'
import { z } from 'zod'
import { defineAgent } from '../core/agent.ts'
import { channels } from '../core/channels.ts'
import type { Shown } from '../core/shown-node.ts'
import thermometry from '../datanode/thermometry.ts'
import { alertsOf } from '../grafana/alerts.ts'
import { dialectOf } from '../grafana/dialects.ts'
import { asked, evaluate, framesOf, type Line, type Rule, rulesOf } from '../grafana/evaluate.test-aid.ts'
import { caller } from '../lab/request-client.ts'
import { until } from './lab.test-aid.ts'
import { ROOT, siteWith, type TestSite } from './site.test-aid.ts'

const shown = (name: string, range: [number, number]): Shown => {
  const field = (n: number) => ({
    ...{ name: `Channel_${n}_T`, units: 'K', feed: 'temperatures', rhythm: 0.1 },
    ...(n === 1 && { range }),
  })
  return { name, description: '', fields: [field(1), field(2)] }
}
const LAB = [shown('LSA21OQ', [2, 6]), shown('LSA22HA', [10, 20])]
const rules = new Map(rulesOf(alertsOf(LAB, dialectOf('graphite', LAB))).map((rule) => [rule.uid, rule]))

/** An agent that does what it is told to. */
const heater = defineAgent({
  class: 'TestHeater',
  help: 'A heater for tests.',
  args: z.object({}),
  feeds: {},
  connect: async () => ({}),
})
  .task('heat', { help: 'Fails.' }, async () => {
    throw new Error('no such channel')
  })
  .process('watch', { help: 'Fails when it is to.', params: z.object({ fail: z.boolean() }) }, async (p) => {
    if (p.params.fail) throw new Error('burnt')
    await new Promise<void>((done) => p.signal.addEventListener('abort', () => done()))
  })

const open: AsyncDisposable[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]()
})

async function states({ bridge }: TestSite, refId: 'A' | '' = 'A'): Promise<Record<string, string>> {
  // Includes samples of the present second.
  const now = Date.now() / 1000 + 1
  const state = async (rule: Rule) => {
    const body = new URLSearchParams(asked(rule, now))
    const answer = await fetch(`${bridge.url}/graphite/render`, { method: 'POST', body })
    expect(answer.status).toBe(200)
    return evaluate(rule, framesOf((await answer.json()) as Line[], refId))
  }
  const all = [...rules].map(async ([uid, rule]) => [uid.replace('ocs_', ''), await state(rule)] as const)
  return Object.fromEntries(await Promise.all(all))
}
const well = {
  silent_LSA21OQ: 'Normal',
  silent_LSA22HA: 'Normal',
  operations: 'Normal',
  range_LSA21OQ_Channel_1_T: 'Normal',
  range_LSA22HA_Channel_1_T: 'Alerting',
}

test('each rule fires for what it is for, and for nothing else', async () => {
  const at = await siteWith(thermometry)
  open.push(at)
  expect(await states(at)).toEqual(well)

  await at.lab.run(heater, 'heater', {})
  const asking = await caller(at.lab.hub.connect('maya'), ROOT)
  open.unshift(asking)
  const done = async (op: string, params: Readonly<Record<string, unknown>>) => {
    await asking.request('heater', op, 'start', params)
    return (await asking.request('heater', op, 'wait')).session
  }
  expect(await done('heat', {})).toMatchObject({ success: false })
  const drawn = async (what: string) => {
    const answer = await fetch(`${at.bridge.url}/graphite/render?target=operations.heater.${what}`)
    return ((await answer.json()) as Line[])[0]?.datapoints.at(-1)?.[0]
  }
  await until(
    () => drawn('heat'),
    (code) => code === 6,
  )
  expect(await states(at)).toEqual(well)
  expect(await done('watch', { fail: true })).toMatchObject({ success: false })
  await until(
    () => drawn('watch'),
    (code) => code === 6,
  )
  expect(await states(at)).toEqual({ ...well, operations: 'Alerting' })

  // A data node that is gone takes its curves with it.
  const presence = at.lab.hub.connect('observer')
  const gone = Promise.withResolvers<void>()
  await presence.subscribe(
    channels.presence,
    { root: ROOT, instance: 'node-LSA21OQ' },
    ({ state }, _, { retained }) => {
      if (!retained && state !== 'online') gone.resolve()
    },
  )
  await at.stopNode('LSA21OQ')
  await gone.promise
  expect(await states(at)).toEqual({ ...well, operations: 'Alerting', silent_LSA21OQ: 'Alerting' })
})

test('without refId, as in Grafana 12.4.0, none is of any use', async () => {
  const at = await siteWith(thermometry)
  open.push(at)
  expect(await states(at, '')).toEqual({
    silent_LSA21OQ: 'Alerting',
    silent_LSA22HA: 'Alerting',
    operations: 'Normal',
    range_LSA21OQ_Channel_1_T: 'Normal',
    range_LSA22HA_Channel_1_T: 'Normal',
  })
})
