import { expect, test } from 'bun:test'
import { agentClasses, instrumentName, loadClass } from './agents.ts'
import { findSimulators } from './simulators.ts'

test('every table of a declaration is a simulator by the name of its class, and by a name alone it is found', async () => {
  const all = await findSimulators()
  const modules = await Promise.all(agentClasses.map(async (name) => [name, await loadClass(name)] as const))
  const tables = modules.filter(([, { simulated }]) => simulated).map(([name]) => instrumentName(name))
  expect(tables.length).toBeGreaterThan(3)
  for (const name of [...tables, 'prologix-psu', 'lakeshore240', 'bluefors']) {
    const found = (await findSimulators(name))[name]
    expect([name, found?.help, found?.links]).toEqual([name, all[name]?.help, all[name]?.links])
    expect(found?.help).toMatch(/./)
  }
  expect(all['ups']?.links).toEqual(['udp'])
  expect(all['prologix-psu']?.links).toEqual(['tcp'])
})
