/**
 * One agent's publications, recorded here and by OCS's aggregator on a real crossbar: so3g reads the same
 * from both.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import type { AgentApi } from '../../src/core/channels.ts'
import { unacknowledged } from './archive.ts'
import { OcsSite, ROUTER_URL } from './crossbar.ts'
import { figure, Lab, until } from './roles.ts'

setDefaultTimeout(400_000)

const [AGENTS = '', SO3G = ''] = ['SOCS', 'HKDB'].map((name) => process.env[`OCS_${name}_PYTHON`])
const FEEDS = ['mixed', 'buffered'].map((feed) => `observatory.teed.feeds.${feed}`)

test('blocks, fields, types, times and values are those of OCS’s aggregator', async () => {
  await using lab = new Lab({ OCS_PYTHON: AGENTS, SECOND_ROUTER: ROUTER_URL })
  const ocs = new OcsSite(lab, [])
  await ocs.router()
  const theirs = await ocs.agent('agg')
  const site = lab.site(
    'instance-id: aggregator, agent-class: AggregatorAgent, arguments: [--data-dir, data]',
    `instance-id: teed, agent-class: TeedAgent, module: ${join(import.meta.dir, 'teed_agent.py')}`,
  )
  await lab.hub(...site)
  const ours = lab.start('aggregator', ['agent', '--instance-id', 'aggregator', ...site])
  const teed = lab.start('teed', ['agent', '--instance-id', 'teed', ...site])
  await teed.says('session joined: teed', 90)
  const went = await lab.run(['ctrl', 'start', 'teed', 'go', '--wait', ...site], {}, 90)
  expect(went.code, went.out + went.err).toBe(0)
  // Tags are not part of a .g3 file: they are declared with their fields, for publishers to InfluxDB.
  const api = lab.program('api', ['mosquitto_sub', '-p', '1883', '-t', 'observatory/teed/api', '-C', '1'])
  await api.ended()
  const { feeds } = JSON.parse(api.text('out')) as AgentApi
  expect(feeds['mixed']?.blocks['all']?.['word']?.influxdb_tags).toEqual({ kind: 'word', _field: 'word' })
  await until('all is recorded', 60, () => unacknowledged(lab.path('state')) === 0)
  await teed.stop()
  await ours.stop()
  await theirs.stop('SIGINT')
  const check = [SO3G, join(import.meta.dir, 'same_archive.py'), lab.path('data'), ocs.dataDir, ...FEEDS]
  const compared = lab.program('compared', check)
  const { code } = await compared.ended(120)
  expect([code, compared.text()]).toEqual([0, expect.stringContaining('the same')])
  figure(compared.text('out').trim())
})
