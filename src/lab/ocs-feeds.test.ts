import { expect, test } from 'bun:test'
import { isMeant } from './ocs-feeds.ts'

const ADDRESS = 'observatory.ls240.feeds.temperatures'

test.each([
  ['exact', ADDRESS, true],
  ['exact', 'observatory.ls240.feeds', false],
  ['prefix', 'observatory.ls240.feeds.', true],
  ['prefix', 'observatory.ls240.feeds.temp', true],
  ['prefix', 'observatory.ls241', false],
  ['wildcard', 'observatory..feeds.', true],
  ['wildcard', 'observatory..feeds.temperatures', true],
  ['wildcard', '...', true],
  ['wildcard', 'observatory..feeds', false],
  ['wildcard', 'observatory..feeds.pressures', false],
] as const)('%s %s', (match, topic, means) => {
  expect(isMeant({ topic, match }, ADDRESS)).toBe(means)
})
