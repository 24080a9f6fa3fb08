import { expect, test } from 'bun:test'
import { whyMissing } from './missing-metric.ts'

const metric = (text: string) => {
  const [node = '', field = ''] = text.split('::')
  return { text, node, field }
}
const nodes = { away: () => undefined, gone: () => [], find: () => ({}), answers: () => true }
const known = [metric('LSA21OQ::Channel_1_T')]
const catalog = { of: async () => known, all: async () => known }
const why = (text: string) => whyMissing(metric(text) as never, { nodes, catalog } as never)

test('a name that a node has, of which nothing came, is no unknown one', async () => {
  expect(await why('LSA21OQ::Channel_1_T')).toEqual({
    why: '"LSA21OQ::Channel_1_T": its data node has no data of it yet',
    isUnknown: false,
  })
  expect(await why('LSA21OQ::Chanel_1_T')).toMatchObject({
    why: expect.stringContaining('did you mean LSA21OQ::Channel_1_T?'),
    isUnknown: true,
  })
})
