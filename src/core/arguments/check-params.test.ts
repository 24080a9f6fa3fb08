import { expect, test } from 'bun:test'
import { z } from 'zod'
import { AnyNumber, checkParams } from './check-params.ts'

const schema = z.object({
  channel: z.int().min(1).max(8),
  mode: z.enum(['off', 'on']).default('off'),
  limit: AnyNumber.prefault(300),
  curve: z.array(z.tuple([z.number(), z.number()])).optional(),
  name: z.string().regex(/^\S+$/, 'no spaces').optional(),
})
test('the value of a parameter whose name tells of a secret is not said', () => {
  const secret = z.object({ smtp_password: z.string().min(8), auth: z.object({ token: z.string() }) })
  const checked = checkParams(secret, { smtp_password: 'hunter2', auth: { token: 5 } })
  expect(checked).toEqual({
    faults: [
      { name: 'smtp_password', text: '"smtp_password": Too small: expected string to have >=8 characters' },
      { name: 'auth', text: '"auth.token": Invalid input: expected string, received number' },
    ],
  })
})

const faults = (given: Record<string, unknown>) => {
  const checked = checkParams(schema, given)
  return 'faults' in checked ? checked.faults.map(({ text }) => text) : []
}

test('each fault names the parameter, the rule and the value given', () => {
  expect(faults({})).toEqual(['"channel" is required'])
  const rules: [Record<string, unknown>, string][] = [
    [{ channel: 9 }, '"channel": Too big: expected number to be <=8, given 9'],
    [{ channel: '3' }, '"channel": Invalid input: expected number, received string, given "3"'],
    [{ channel: 1.5 }, '"channel": Invalid input: expected int, received number, given 1.5'],
    [{ channel: true }, '"channel": Invalid input: expected number, received boolean, given true'],
    [{ channel: null }, '"channel": Invalid input: expected number, received null, given null'],
    [{ channel: Number.NaN }, '"channel": Invalid input: expected number, received NaN, given NaN'],
    [{ channel: 'Infinity' }, '"channel": Invalid input: expected number, received string, given "Infinity"'],
    [{ mode: 'auto' }, '"mode": one of off, on, given "auto"'],
    [
      { limit: 'high' },
      '"limit": Invalid input: expected number, received string, or one of NaN, Infinity, -Infinity, given "high"',
    ],
    [
      {
        curve: [
          [1, 2],
          [3, 'x'],
        ],
      },
      '"curve.1.1": Invalid input: expected number, received string, given "x"',
    ],
    [{ name: 'a b' }, '"name": no spaces, given "a b"'],
    [{ nam: 'a' }, 'there is no parameter "nam": did you mean "name"?'],
  ]
  for (const [given, text] of rules) expect(faults({ channel: 1, ...given })).toEqual([text])
  expect(faults({ channel: 0, mode: 1, x: 2 }).length).toBe(3)
})

test('what fits has its defaults; numbers that are not finite pass where they are meant to', () => {
  expect(checkParams(schema, { channel: 3 })).toEqual({ values: { channel: 3, mode: 'off', limit: 300 } })
  for (const [given, limit] of [
    ['NaN', Number.NaN],
    ['-Infinity', -Infinity],
    [4.2, 4.2],
  ] as const)
    expect(checkParams(schema, { channel: 3, limit: given })).toEqual({
      values: { channel: 3, mode: 'off', limit },
    })
  expect(z.toJSONSchema(schema, { io: 'input' }).properties?.['limit']).toEqual({
    anyOf: [{ type: 'number' }, { type: 'string', enum: ['NaN', 'Infinity', '-Infinity'] }],
    default: 300,
  })
})
