import { expect, test } from 'bun:test'
import { inspectSite, parseSite } from './site.ts'

const site = (topics: string) =>
  `hub: {mqtt_server: "mqtt://127.0.0.1:1883", device_topics: ${topics}}\nhosts: {}\n`

test('a name has a prefix of topics, or a list of them', () => {
  const { hub } = parseSite(site('{plug: shellies/plug, z2m: [zigbee2mqtt, home/z2m]}'), 'site.yaml')
  expect([...(hub.device_topics ?? [])]).toEqual([
    ['plug', ['shellies/plug']],
    ['z2m', ['zigbee2mqtt', 'home/z2m']],
  ])
})

test.each([
  ['{plug: "shellies/#"}', 'without wildcards'],
  ['{plug: shellies/}', 'without wildcards or / at either end'],
  ['{plug: ""}', 'without wildcards or / at either end'],
  ['{plug: observatory/plug}', "the lab's own"],
  ['{plug: $SYS}', 'belong to the hub'],
  ['{plug: a/b/c/d/e/f/g/h/i/j/k}', 'at most 10 levels'],
  ['{plug: {a: b}}', 'a topic is a word, not keys'],
  ['{"a b": c}', 'not a name for a principal'],
  ['[plug]', 'takes names with topics'],
])('%s is refused: %s', (topics, why) => {
  const { problems, site: read } = inspectSite(site(topics), 'site.yaml')
  expect(problems.join('\n')).toMatch(/^site\.yaml:1:\d+: /)
  expect(problems.join('\n')).toContain(why)
  expect([...(read.hub.device_topics?.values() ?? [])].flat()).toEqual(why.includes('principal') ? ['c'] : [])
})
