import { expect, test } from 'bun:test'
import { thermometer } from '../bridge/lab.test-aid.ts'
import type { FeedDeclaration } from '../core/channels.ts'
import thermometry from '../datanode/thermometry.ts'
import { Spool } from '../runtime/spool/spool.ts'
import { commandLab } from './ctrl/ctrl.test-aid.ts'

/** Seconds of data up to now, and the part of it in which nothing was sampled. */
const [SECONDS, STOP, GOES_ON] = [600, 200, 400]

test('no line is drawn across the time in which nothing was read, in the midst and at the end', async () => {
  await using lab = await commandLab()
  const spool = new Spool(`${lab.folder}/ls.sqlite`, { recorded: false })
  const start = Date.now() / 1000 - SECONDS
  const declaration: FeedDeclaration = {
    ...{ agent_class: 'TestThermometer', record: true, frame_length: 60 },
    blocks: { diode: { T: { type: 'double', units: 'K', rhythm: 1 } } },
  }
  const t = Array.from({ length: SECONDS }, (_, i) => i).filter((s) => s < STOP || s > GOES_ON)
  for (let i = 0; i < t.length; i += 100) {
    const part = t.slice(i, i + 100).map((s) => start + s)
    spool.append('temperatures', declaration, {
      ...{ epoch: 'filled', block: 'diode', t: part },
      data: { T: part.map(() => 4.2) },
    })
  }
  await spool.flush()
  await lab.start('ls', {}, thermometer().agent, undefined, spool)
  await lab.start('node', { target: 'ls', name: 'LS' }, thermometry)
  const drawn = async () => {
    const { code, out } = await lab.ocs('plot', 'ls', 'T', '--once')
    expect(code).toBe(0)
    return out.split('\n').find((line) => /[\u2801-\u28ff]/.test(line)) ?? ''
  }
  const line = (await drawn()).replace(/^.*│/, '')
  const third = Math.floor([...line].length / 3)
  expect(line.slice(0, third - 1).trim()).not.toContain(' ')
  expect(line.slice(third + 2, 2 * third - 2).trim()).toBe('')
  expect(line.slice(2 * third + 2)).not.toContain(' ')
})
