import { expect, test } from 'bun:test'
import { inspectSite, parseSite } from '../site/site.ts'
import { otherSites } from './connect-sites.ts'

const site = (sites: string) => `hub: {mqtt_server: "mqtt://127.0.0.1:1883"}\nhosts: {}\nsites: ${sites}\n`

test('another lab has its own hub, root and credentials', () => {
  const { sites } = parseSite(
    site(
      '{barn: {mqtt_server: "mqtts://barn:8883", credentials: b.json, address_root: barn}, tower: {mqtt_server: "ws://t:8001/ws"}}',
    ),
    '/etc/ocs/site.yaml',
  )
  expect([...(sites ?? [])]).toEqual([
    ['barn', { mqtt_server: 'mqtts://barn:8883', credentials: '/etc/ocs/b.json', address_root: 'barn' }],
    ['tower', { mqtt_server: 'ws://t:8001/ws', address_root: 'observatory' }],
  ])
})

test('it is shown nothing that its entry does not name', () => {
  const before = process.env['OCS_CREDENTIALS']
  process.env['OCS_CREDENTIALS'] = '/nowhere/own.json'
  try {
    const [barn] = otherSites(parseSite(site('{barn: {mqtt_server: "mqtt://127.0.0.1:1884"}}'), 'site.yaml'))
    expect(
      typeof barn?.credentials === 'function' && barn.credentials({ url: 'mqtt://127.0.0.1:1884' }),
    ).toBeUndefined()
  } finally {
    if (before === undefined) delete process.env['OCS_CREDENTIALS']
    else process.env['OCS_CREDENTIALS'] = before
  }
})

test.each([
  ['{barn: {}}', 'no "mqtt_server" in sites'],
  ['{barn: {mqtt_sever: "mqtt://b:1"}}', 'did you mean "mqtt_server"?'],
  ['{barn: {mqtt_server: "http://b"}}', 'does not begin with one of'],
  ['{"a/b": {mqtt_server: "mqtt://b:1"}}', 'not a name for a site'],
  ['[barn]', 'sites takes a name for each'],
])('%s is refused: %s', (sites, why) => {
  expect(inspectSite(site(sites), 'site.yaml').problems.join('\n')).toContain(why)
})
