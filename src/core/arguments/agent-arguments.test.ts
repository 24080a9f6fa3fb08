import { expect, test } from 'bun:test'
import { z } from 'zod'
import {
  type Argument,
  coerceArguments,
  flattenArguments,
  mergeArguments,
  settingLine,
  settingLines,
} from './agent-arguments.ts'
import { splitCommon } from './common-flags.ts'

const schema = z.object({
  serial_number: z.string().optional(),
  mode: z.enum(['acq', 'idle']).default('acq'),
  sampling_frequency: z.number().positive().default(2.5),
  channels: z.array(z.int()).optional(),
  sample_heater: z.boolean().default(false),
  port: z.union([z.int(), z.string()]).optional(),
})
const retired = { '--quiet': 'only readings are printed' }
const check = (...words: Argument[]) => coerceArguments(schema, flattenArguments(words), { retired })
const faults = (...words: Argument[]) => {
  const checked = check(...words)
  return 'faults' in checked ? checked.faults.map(({ text }) => text) : []
}

test('flat, nested and joined arguments say the same', () => {
  const expected = [
    { flag: '--serial-number', values: ['X'] },
    { flag: '--ip-address', values: ['Y'] },
  ]
  expect(
    flattenArguments([
      ['--serial-number', 'X'],
      ['--ip-address', 'Y'],
    ]),
  ).toEqual(expected)
  expect(flattenArguments(['--serial-number', 'X', '--ip-address', 'Y'])).toEqual(expected)
  expect(flattenArguments(['--serial-number=X', ['--ip_address=Y']])).toEqual(expected)
})

test('a flag has as many values as words follow; a number is no flag; = divides once', () => {
  expect(flattenArguments(['stray', '--a', '-5', '-.5', '--b', '--c=x=y', '--d='])).toEqual([
    { flag: '', values: ['stray'] },
    { flag: '--a', values: ['-5', '-.5'] },
    { flag: '--b', values: [] },
    { flag: '--c', values: ['x=y'] },
    { flag: '--d', values: [''] },
  ])
})

test('words become what the schema wants, the rest its defaults', () => {
  expect(
    check(
      ['--serial-number', '007'],
      '--sampling-frequency',
      '1e1',
      '--channels',
      '1',
      '-2',
      '--sample-heater',
    ),
  ).toEqual({
    values: {
      serial_number: '007',
      mode: 'acq',
      sampling_frequency: 10,
      channels: [1, -2],
      sample_heater: true,
    },
    notes: [],
  })
  expect(check('--port', '7777')).toMatchObject({ values: { port: 7777 } })
  expect(check('--port', '/dev/ttyUSB0')).toMatchObject({ values: { port: '/dev/ttyUSB0' } })
})

test.each([
  ['True', true],
  ['true', true],
  ['yes', true],
  ['1', true],
  ['False', false],
  ['false', false],
  ['no', false],
  ['0', false],
])('the boolean %s', (word, value) => {
  expect(check('--sample-heater', word)).toMatchObject({ values: { sample_heater: value } })
})

test('a retired flag and a repeated one are noted once each', () => {
  expect(check('--quiet', 'True', '--mode', 'idle', '--quiet', '--mode=acq')).toMatchObject({
    values: { mode: 'acq' },
    notes: [
      '--quiet has no effect here: only readings are printed',
      '--mode is given more than once: the last counts',
    ],
  })
})

test('every fault at once, each with its flag and what was given', () => {
  expect(faults('acq', '--serial-numbr', 'X', '--serial', 'Y', '--colour', '--mode acq')).toEqual([
    '"acq" stands before any flag: a flag begins with --',
    'there is no flag --serial-numbr: did you mean --serial-number?',
    'there is no flag --serial: did you mean --serial-number?',
    'there is no flag --colour: it takes --serial-number, --mode, --sampling-frequency, --channels, --sample-heater, --port, --quiet',
    '"--mode acq" is one word: write the flag and its value as two, or as --flag=value',
  ])
  expect(
    faults(
      '--sampling-frequency',
      'fast',
      '--sample-heater',
      'maybe',
      '--serial-number',
      '--channels',
      '1',
      'x',
      '--port=1',
      'b',
    ),
  ).toEqual([
    '--sampling-frequency takes a number, given "fast"',
    '--sample-heater takes true or false, given "maybe"',
    '--serial-number takes one value',
    '--channels takes a number, given "1" "x"',
    '--port takes one value, given "1" "b"',
  ])
  expect(faults('--mode', 'acqq', '--sampling-frequency', '-1')).toEqual([
    '--mode: one of acq, idle, given "acqq"',
    '--sampling-frequency: Too small: expected number to be >0, given -1',
  ])
  const checked = coerceArguments(z.object({ data_dir: z.string() }), [])
  expect(checked).toEqual({ faults: [{ name: 'data_dir', text: '--data-dir is required' }] })
})

test('a fault of the site file begins with its place', () => {
  const at = (text: string, column: number) => ({ text, position: `lab.yaml:7:${column}` })
  expect(faults([at('--mod', 3), at('x', 9)], [at('--mode', 20), at('x', 30)])).toEqual([
    'lab.yaml:7:3: there is no flag --mod: did you mean --mode?',
    'lab.yaml:7:20: --mode: one of acq, idle, given "x"',
  ])
})

test('the command line replaces a flag of the site file, all its values; the rest is told', () => {
  const position = 'lab.yaml:7:3'
  const site = flattenArguments([
    [
      { text: '--serial-number', position },
      { text: 'LSA21OQ', position },
    ],
    [{ text: '--channels', position }, '1', '2'],
    { text: '--sample-heater', position },
  ])
  const merged = mergeArguments(site, flattenArguments(['--channels', '3']))
  expect(coerceArguments(schema, merged)).toMatchObject({
    values: { serial_number: 'LSA21OQ', channels: [3] },
  })
  expect(settingLines(merged)).toEqual([
    'site_config is setting values of "serial_number" to "LSA21OQ".',
    'site_config is setting values of "sample_heater" to "True".',
  ])
  expect(settingLine('ip_address', '127.0.0.1:7771')).toBe(
    'site_config is setting values of "ip_address" to "127.0.0.1:7771".',
  )
})

test('common flags: taken out, noted where they have no effect', () => {
  const position = 'lab.yaml:7:3'
  const given = [
    ...flattenArguments([
      { text: '--site-host=x', position },
      { text: '--log-dir=/var/log', position },
    ]),
    ...flattenArguments([
      '--crossbar_timeout',
      '10',
      '--site-http',
      'x',
      '--site-hub',
      '--mode',
      'acq',
      '--site-host',
      'y',
    ]),
  ]
  expect(splitCommon(given)).toEqual({
    common: { log_dir: '/var/log', site_host: 'y' },
    rest: [{ flag: '--mode', values: ['acq'] }],
    notes: [
      '--site-host has no effect here: it is too late in "arguments": pass it on the command line',
      '--crossbar-timeout has no effect here: an agent keeps its samples and tries again until the hub is back',
      '--site-http has no effect here: requests travel over MQTT',
    ],
    faults: [{ name: 'site_hub', text: '--site-hub takes one value' }],
  })
})

test('a switch stands alone, or says true or false', () => {
  const split = (...words: string[]) => splitCommon(flattenArguments(words))
  expect(split('--trace', '--mode', 'acq').common).toEqual({ trace: 'true' })
  expect(split('--trace=false').common).toEqual({ trace: 'false' })
  expect(split('--trace', 'all').faults.map(({ text }) => text)).toEqual([
    '--trace takes true, false or nothing, given "all"',
  ])
})
