/** Files written by `ocs export`, read back by pyarrow and by so3g, have the content of the recording. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { writeSynthetic } from '../../src/storage/archive/archive.test-aid.ts'
import { figure, Lab, ROOT, until } from './roles.ts'

setDefaultTimeout(400_000)

const START = 1_700_002_800
const HOURS = 3
const RATE = 2
const FIELDS = 3

function python(): string {
  const path = process.env['OCS_SO3G_PYTHON']
  if (!path) throw new Error('OCS_SO3G_PYTHON has to name the Python that has so3g and pyarrow')
  return path
}

async function read(lab: Lab, script: string, ...args: string[]): Promise<string> {
  const running = lab.program('python', [python(), '-c', script, ...args])
  const { code } = await running.ended(120)
  if (code !== 0) throw new Error(running.text())
  return running.text('out').trim()
}

/** Prints each column as `name type count nulls sum`, sums exact. */
const PYARROW = `
import sys, math, pyarrow.parquet as pq
table = pq.read_table(sys.argv[1])
for name in table.column_names:
    column = table[name]
    values = column.to_pylist()
    there = [v for v in values if v is not None]
    total = '' if there and isinstance(there[0], str) else repr(math.fsum(float(v) for v in there if v == v))
    print(name, column.type, len(values), column.null_count, total)
`
/** The same for a .g3 file, through so3g's scanner. */
const SO3G = `
import sys, math
from so3g.hk import HKArchiveScanner
scanner = HKArchiveScanner()
scanner.process_file(sys.argv[1])
archive = scanner.finalize()
fields, timelines = archive.get_fields()
for name in sorted(fields):
    times, values = archive.simple([name])[0]
    print(name, len(times), repr(math.fsum(times)), repr(math.fsum(float(v) for v in values)))
`

test('parquet and g3 have every sample of a CSV export, bit for bit', async () => {
  await using lab = new Lab()
  writeSynthetic(lab.path('data'), { start: START, hours: HOURS, rate: RATE, fields: FIELDS })
  const count = HOURS * 3600 * RATE
  const args = [
    'export',
    'ls240.temperatures.*',
    '--from',
    String(START),
    '--to',
    String(START + HOURS * 3600),
    '--data-dir',
    lab.path('data'),
  ]
  const csv = await lab.run(args, {}, 120)
  expect(csv.code).toBe(0)
  const [head = '', ...lines] = csv.out.trim().split('\n')
  const names = head.split(',')
  expect(lines).toHaveLength(count)
  const columns = names.map((_, i) => lines.map((line) => Number(line.split(',')[i])))

  const parquet = lab.path('a.parquet')
  expect(await lab.run([...args, '--format', 'parquet', '--out', parquet], {}, 120)).toMatchObject({
    code: 0,
    out: '',
  })
  const got = (await read(lab, PYARROW, parquet)).split('\n').map((line) => line.split(' '))
  expect(got.map(([name, type, rows, nulls]) => [name, type, Number(rows), Number(nulls)])).toEqual(
    names.map((name) => [name, 'double', count, 0]),
  )
  for (const [i, [, , , , sum]] of got.entries()) expect(Number(sum)).toBeCloseTo(total(columns[i] ?? []), 3)
  figure(
    `pyarrow: ${count} rows of ${names.length} columns; parquet ${(Bun.file(parquet).size / 1e6).toFixed(2)} MB, CSV ${(csv.out.length / 1e6).toFixed(2)} MB`,
  )

  const g3 = lab.path('a.g3')
  expect(await lab.run([...args, '--format', 'g3', '--out', g3], {}, 120)).toMatchObject({ code: 0, out: '' })
  const fields = (await read(lab, SO3G, g3)).split('\n').map((line) => line.split(' '))
  expect(fields.map(([name, samples]) => [name, Number(samples)])).toEqual(
    Array.from({ length: FIELDS }, (_, i) => [
      `observatory.ls240.feeds.temperatures.Channel_${i + 1}_T`,
      count,
    ]),
  )
  for (const [i, [, , times, sum]] of fields.entries()) {
    expect(Number(times)).toBeCloseTo(total(columns[0] ?? []), 0)
    const at = names.indexOf(`ls240.temperatures.Channel_${i + 1}_T`)
    expect(Number(sum)).toBeCloseTo(total(columns[at] ?? []), 3)
  }
  figure(`so3g: ${FIELDS} fields of ${count} samples; g3 ${(Bun.file(g3).size / 1e6).toFixed(2)} MB`)
})

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}

test('ocs plot draws what is recorded and what is live, no wider than the terminal', async () => {
  await using lab = new Lab()
  await lab.start('hub', ['hub']).says('listening on ws://', 60)
  const site = ['--site-file', join(ROOT, 'fixtures', 'sites', 'demo.yaml'), '--site-host', 'localhost']
  const sim = lab.start('sim', [
    'sim',
    'lakeshore240',
    '--serial-number',
    'LSA21OQ',
    '--pty',
    lab.path('tty'),
  ])
  await sim.says('LSA21OQ at ', 60)
  lab.start('ls240', [
    'agent',
    '--instance-id',
    'ls240',
    ...site,
    '--log-dir',
    lab.path('log'),
    '--port',
    lab.path('tty'),
  ])
  lab.start('node', [
    'datanode',
    'thermometry',
    '--target=ls240',
    '--name=LSA21OQ',
    '--log-dir',
    lab.path('log'),
  ])
  const plotted = await until('a curve is drawn', 120, async () => {
    const got = await lab.run(['plot', 'ls240', '--once', '--from', '-20s'], {
      env: { COLUMNS: '80', LINES: '24' },
    })
    return got.code === 0 && /[\u2801-\u28ff]/.test(got.out) ? got : undefined
  })
  const lines = plotted.out.trimEnd().split('\n')
  expect(lines.length).toBeLessThanOrEqual(24)
  expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(80)
  expect(lines[0]).toMatch(/^LSA21OQ::Channel_1_T {2}[\d.]+ K$/)
  for (const line of lines) figure(line)
  const wrong = await lab.run(['plot', 'ls24', '--once'], {}, 90)
  expect([wrong.code, wrong.err]).toEqual([3, expect.stringContaining('no data node has data of "ls24"')])
  expect(await lab.run(['plot', 'LSA21OQ', 'Chanel_1_T', '--once'], {}, 90)).toMatchObject({ code: 2 })
})
