import { expect, test } from 'bun:test'
import { ocsVisits } from './ocs-visits.ts'

test('a hub that could not look at its lab once is asked again by the next call', async () => {
  let times = 0
  const own = {
    key: 'own',
    name: 'the hub',
    connect() {
      throw new Error(`not now, ${++times}`)
    },
  }
  const visits = ocsVisits('observatory', own)
  const call = { procedure: 'observatory.registry', args: [], kwargs: {} }
  const { signal } = new AbortController()
  await expect(visits.answer(call, own, signal)).rejects.toThrow('not now, 1')
  await expect(visits.answer(call, own, signal)).rejects.toThrow('not now, 2')
})
