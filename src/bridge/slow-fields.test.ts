/** Fields whose samples are further apart than the span of a panel. */
import { expect, test } from 'bun:test'
import { ownClock } from '../../test/own-clock.ts'
import thermometry from '../datanode/thermometry.ts'
import { startBridge } from './bridge.ts'
import { testLab, thermometer, until } from './lab.test-aid.ts'
import { ROOT } from './site.test-aid.ts'

test('a feed that is slower than what is shown keeps its last value until that is overdue, in each dialect', async () => {
  using _clock = ownClock()
  await using lab = testLab()
  const spool = lab.spool('ls')
  const now = Date.now() / 1000
  const slow = (age: number, name: string) => {
    const declaration = {
      ...{ agent_class: 'TestThermometer', record: true, frame_length: 60 },
      blocks: { [name]: { [name]: { type: 'double' as const, units: 'K', rhythm: 600 } } },
    }
    spool.append(name === 'late' ? 'extra' : 'temperatures', declaration, {
      ...{ epoch: `of-${name}`, block: name, t: [now - age - 600, now - age] },
      data: { [name]: [1, 2] },
    })
  }
  slow(500, 'due')
  slow(1500, 'late')
  await spool.flush()
  await lab.run(thermometer().agent, 'ls', {}, spool)
  await lab.run(thermometry, 'node', { target: 'ls', name: 'LS', feed: 'all' })
  const listen = { host: '127.0.0.1', port: 0 }
  const bridge = await startBridge({ bus: lab.hub.connect('bridge'), root: ROOT, listen, log() {} })
  type Line = { target: string; datapoints: [number | null, number][] }
  const values = (lines: readonly Line[]) => lines.map(({ datapoints }) => datapoints.map(([value]) => value))
  const render = async () =>
    (await (
      await fetch(`${bridge.url}/graphite/render?target=LS.due&target=LS.late&from=-5min`)
    ).json()) as Line[]
  const drawn = await until(render, (lines) => lines.length === 2)
  expect(values(drawn)).toEqual([[1, 2], []])
  const range = { from: new Date(1000 * (now - 300)).toISOString(), to: new Date(1000 * now).toISOString() }
  const answer = await fetch(`${bridge.url}/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ targets: [{ target: 'LS::due' }, { target: 'LS::late' }], range }),
  })
  expect(values((await answer.json()) as Line[])).toEqual([[1, 2], []])
  await bridge.close()
})
