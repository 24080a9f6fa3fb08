import { expect, test } from 'bun:test'
import { z } from 'zod'
import { paramsOf } from './parameter-flags.ts'
import { parametersOf } from './parameters.ts'

const schema = z.toJSONSchema(
  z.object({
    channel: z.int().min(1).max(8).describe('which input'),
    set_point: z.number().positive().optional().describe('where to go').meta({ units: 'K' }),
    mode: z.enum(['off', 'Zone', '4K']).default('off').describe('of the loop'),
    name: z.string().optional(),
    armed: z.boolean().default(false),
    inputs: z.array(z.int()).optional(),
    period: z.number().nullish(),
    range: z.union([z.literal(10), z.literal('auto')]).optional(),
    more: z.record(z.string(), z.number()).optional(),
    offset: z.number().min(-0.5).max(0.5).optional(),
  }),
  { io: 'input' },
)
const read = (line: string) => paramsOf(line.split(' '), schema, 'ls loop')
const fault = (line: string) => {
  try {
    return read(line)
  } catch (error) {
    return (error as Error).message
  }
}

test('what a person reads of each parameter', () => {
  expect(parametersOf(schema).map(({ name, takes, help }) => `${name} <${takes}> ${help}`)).toEqual([
    'channel <integer> which input (1 to 8, required)',
    'set_point <number> where to go (more than 0, K)',
    'mode <off|Zone|4K> of the loop (default off)',
    'name <text> ',
    'armed <true|false> (default false)',
    'inputs <integer…> ',
    'period <number|null> ',
    'range <10|auto> ',
    'more <object> ',
    'offset <number> (-0.5 to 0.5)',
  ])
})

test('words become what the schema says, in any spelling of a flag', () => {
  expect(
    read(
      '--channel 3 --set-point=4.2e-1 --mode Zone --name 12 --armed --inputs 1 2 --inputs 3 --period null',
    ),
  ).toEqual({
    channel: 3,
    set_point: 0.42,
    mode: 'Zone',
    name: '12',
    armed: true,
    inputs: [1, 2, 3],
    period: null,
  })
  expect(
    read('--channel=1 --set_point 3 --armed NO --mode OFF --range 10 --more {"a":1} --offset -0.25'),
  ).toEqual({
    channel: 1,
    set_point: 3,
    armed: false,
    mode: 'off',
    range: 10,
    more: { a: 1 },
    offset: -0.25,
  })
})

test.each([
  ['--chanel 3', 'ls loop has no parameter --chanel: did you mean --channel?'],
  ['--armed', 'ls loop needs --channel <integer>'],
  ['3', 'ls loop: "3" stands before any parameter: write --name=value'],
  ['--channel 3 --channel 4', 'ls loop: --channel is given twice'],
  ['--channel three', 'ls loop: --channel takes a whole number, given "three"'],
  ['--channel 2.5', 'ls loop: --channel takes a whole number, given "2.5"'],
  ['--channel 9', 'ls loop: --channel takes 1 to 8, given "9"'],
  ['--channel', 'ls loop: --channel takes a whole number, given nothing'],
  ['--channel 1 2', 'ls loop: --channel takes a whole number, given "1" "2"'],
  ['--channel 1 --set-point Infinity', 'ls loop: --set-point takes a number, given "Infinity"'],
  ['--channel 1 --set-point 0', 'ls loop: --set-point takes more than 0, given "0"'],
  ['--channel 1 --offset 0.6', 'ls loop: --offset takes -0.5 to 0.5, given "0.6"'],
  ['--channel 1 --mode zon', 'ls loop: --mode takes one of off, Zone, 4K, given "zon": did you mean Zone?'],
  ['--channel 1 --armed maybe', 'ls loop: --armed takes one of true, false, given "maybe"'],
  ['--channel 1 --inputs 1 x', 'ls loop: --inputs takes integer…, given "1" "x"'],
  ['--channel 1 --name a b', 'ls loop: --name takes one text, given "a" "b"'],
])('%s', (line, message) => {
  expect(fault(line)).toBe(message)
})

test('an operation without parameters says so', () => {
  expect(paramsOf([], {}, 'ls acq')).toEqual({})
  expect(() => paramsOf(['--x', '1'], {}, 'ls acq')).toThrow('ls acq has no parameter --x: it takes none')
})

test('what zod does not know of a foreign schema is left to the agent', () => {
  const foreign = {
    properties: {
      odd: { $ref: '#/elsewhere' },
      list: { anyOf: [{ type: 'array', items: { type: 'integer' } }, { type: 'null' }] },
    },
  }
  expect(paramsOf(['--odd', '{"a":[1]}', '--list', '1', '2'], foreign, 'it run')).toEqual({
    odd: { a: [1] },
    list: [1, 2],
  })
})

test('an operation that checks its parameters itself is given what is typed', () => {
  const open = { properties: { delay: { type: 'number' } }, additionalProperties: {} } as const
  const words = '--delay 0.5 --n 3 --on true --name K --two-words a 2 --bare'.split(' ')
  expect(paramsOf(words, open, 'fake go')).toEqual({
    ...{ delay: 0.5, n: 3, on: true, name: 'K', two_words: ['a', 2], bare: true },
  })
  expect(() => paramsOf(['--x', '1'], { ...open, additionalProperties: false }, 'fake go')).toThrow(
    'has no parameter',
  )
})

test('a list of pairs is a pair of JSON each', () => {
  const pairs = z.toJSONSchema(z.object({ requests: z.array(z.tuple([z.string(), z.enum(['up', 'down'])])) }))
  const words = ['--requests', '["one", "down"]', '["two","up"]']
  expect(paramsOf(words, pairs, 'hm update')).toEqual({
    requests: [
      ['one', 'down'],
      ['two', 'up'],
    ],
  })
})
