/** Site files with mistakes in naming other labs, on real hubs. */
import { expect, test } from 'bun:test'
import { testHub } from '../src/broker/hub.test-aid.ts'
import { viewLab } from '../src/lab/lab-view.ts'
import { connectSites } from '../src/launch/connect-sites.ts'
import { elsewhere } from '../src/launch/join-lab.ts'
import { parseSite } from '../src/site/site.ts'

/** Connects to the sites of a site file until each is reached; returns the messages of that time. */
async function look(sites: Record<string, object>, ownUrl: string) {
  const text = JSON.stringify({ hub: { mqtt_server: ownUrl }, hosts: {}, sites })
  const lines: string[] = []
  let wake = () => {}
  const on = connectSites(parseSite(text, 'site.yaml'), 'bridge', (line) => {
    lines.push(line)
    wake()
  })
  const said = async (words: string) => {
    while (!lines.some((line) => line.includes(words)))
      await new Promise<void>((resolve) => {
        wake = resolve
      })
  }
  return { ...on, said, [Symbol.asyncDispose]: () => on[Symbol.asyncDispose]() }
}

test('two names of one hub, and a name of this lab’s own, are each let in there', async () => {
  const { hub } = await testHub()
  const mqtt_server = hub.urls.mqtt
  {
    await using on = await look({ barn: { mqtt_server }, again: { mqtt_server } }, mqtt_server)
    for (const name of ['barn', 'again']) await on.said(`site ${name}: transport connected`)
    const ids = on.sites.map(({ bus }) => bus.client)
    expect(new Set(ids).size).toBe(2)
    for (const id of ids) expect(id).toMatch(/^bridge-[0-9a-f]{8}$/)
    expect(hub.clients().map(({ id }) => id)).toEqual(expect.arrayContaining(ids))
  }
  await hub.close()
})

test('a site whose address root is another says so, and one that is dead keeps nobody', async () => {
  const { hub } = await testHub()
  const mqtt_server = hub.urls.mqtt
  {
    const others = {
      barn: { mqtt_server, address_root: 'elsewhere' },
      dead: { mqtt_server: 'mqtt://127.0.0.1:1' },
    }
    await using on = await look(others, mqtt_server)
    const [barn] = on.sites
    if (!barn) throw new Error('no site')
    await using _ = await viewLab(barn.bus, barn.root)
    await on.said('topics here begin with observatory/')
    await on.said('site dead: waiting for the hub at mqtt://127.0.0.1:1')
  }
  await hub.close()
})

test('an instance of another site is operated there, and whoever asks here is told where', () => {
  const site = parseSite(
    'hub: {mqtt_server: "mqtt://a:1"}\nhosts: {}\nsites: {barn: {mqtt_server: "mqtt://b:1"}}',
    's.yaml',
  )
  expect(elsewhere(site, 'barn/ls240')).toBe(
    'barn/ls240 is of another site, which is looked at from here: operate it as who may there, with --site-hub mqtt://b:1 and ls240',
  )
  for (const other of ['ls240', 'barn', 'mill/ls240']) expect(elsewhere(site, other)).toBeUndefined()
})
