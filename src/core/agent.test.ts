import { expect, test } from 'bun:test'
import { z } from 'zod'
import { defineAgent } from './agent.ts'

const declare = () =>
  defineAgent({
    class: 'ExampleAgent',
    help: 'An agent to check types with.',
    args: z.object({ port: z.string(), hz: z.number().default(2.5) }),
    feeds: { temperatures: { help: 'Readings.', record: true, blocks: { temps: { T: { units: 'K' } } } } },
    connect: async (args) => {
      // @ts-expect-error there is no such argument
      args.nope
      return { read: async () => args.hz, set: async (channel: number) => channel }
    },
  })

test('operations, their params and their data are typed from the declaration', () => {
  const agent = declare()
    .task('set', { help: 'Set.', params: z.object({ channel: z.int() }) }, async (op) => {
      // @ts-expect-error misspelt parameter
      op.params.chanel
      // @ts-expect-error a string for a number
      await op.instrument.set('3')
      // @ts-expect-error no such feed
      op.feeds.pressures
      return op.params.channel.toFixed()
    })
    .process('acq', { help: 'Read.', data: z.object({ t: z.number() }), startup: true }, async (op) => {
      // @ts-expect-error wrong session data
      op.session.set({ u: 3 })
      op.feeds.temperatures.publish('temps', 1, { T: 4.2 })
    })
  expect(Object.keys(agent.ops)).toEqual(['set', 'acq'])
  expect(agent.ops.acq.startup({} as never)).toBe(true)
  expect(agent.ops.set.kind).toBe('task')
})

test('an operation declared twice is a bug that shows at once', () => {
  expect(() =>
    declare()
      .task('a', { help: '' }, async () => {})
      .process('a', { help: '' }, async () => {}),
  ).toThrow('ExampleAgent: a is declared twice')
})

test('a key that is none is told where it stands, since a module of one’s own is not compiled', () => {
  const T = { units: 'K' }
  const said = (changed: object, feed: object = {}, field: object = {}) => {
    const blocks = { temps: { T: { ...T, ...field } } }
    const feeds = { temperatures: { help: 'Readings.', record: true, blocks, ...feed } }
    const spec = {
      class: 'OwnAgent',
      help: 'An agent.',
      args: z.object({}),
      feeds,
      connect: async () => ({}),
    }
    return () => defineAgent({ ...spec, ...changed } as never)
  }
  expect(said({})).not.toThrow()
  const at = 'OwnAgent: feed temperatures'
  for (const [declared, message] of [
    [said({ lable: () => 'x' }), 'OwnAgent: unknown key "lable": did you mean "label"?'],
    [said({ connect: undefined }), 'OwnAgent: no "connect"'],
    [said({ class: undefined }), 'defineAgent: no "class"'],
    [said({ units: 'K' }), 'OwnAgent: unknown key "units": it is a key of a field'],
    [said({}, { frame_lenght: 60 }), `${at}: unknown key "frame_lenght": did you mean "frame_length"?`],
    [said({}, { record: undefined }), `${at}: no "record"`],
    [said({}, {}, { unit: 'K' }), `${at}, block temps, field T: unknown key "unit": did you mean "units"?`],
    [
      said({}, { blocks: () => ({}), typical: { temps: { T: { colour: 1 } } } }),
      `${at}, block temps, field T: unknown key "colour": it takes type, units, `,
    ],
    [
      () => declare().task('set', { help: 'Set.', parms: z.object({}) } as never, async () => {}),
      'ExampleAgent: task set: unknown key "parms": did you mean "params"?',
    ],
    [() => declare().process('acq', {} as never, async () => {}), 'ExampleAgent: process acq: no "help"'],
  ] as const)
    expect(declared).toThrow(message)
})
