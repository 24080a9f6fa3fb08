import { expect, test } from 'bun:test'
import { parseArchive, readArchive } from './apex-weather.ts'
import { getData, getFields } from './queries.ts'
import { Weather } from './weather.ts'

const OWN = 'fixtures/weather'
const DAY = 86_400

test('a file in the APEX form', () => {
  const text =
    '# APEX weather station humidity.\n# hourly\n# %\n# 2017-07-14\n1499990400.0 33.34\n1500076800.0 36.64\n' +
    '# 2017-07-15\n1500076800.0 36.64\n1500080400.0 nan\n'
  expect(parseArchive('data/apex_humidity.dat', text)).toEqual({
    field: 'apex_humidity',
    description: 'APEX weather station humidity.',
    units: '%',
    values: new Map([
      [1499990400, 33.34],
      [1500076800, 36.64],
      [1500080400, Number.NaN],
    ]),
    faults: [],
  })
})

test('what cannot be read names its place', async () => {
  const { values, faults } = parseArchive('x.dat', '# a\n# b\n# c\n12 3\nrain\n13 4\n')
  expect([...values]).toEqual([
    [12, 3],
    [13, 4],
  ])
  expect(faults).toEqual(['x.dat:5: "rain" is not a time and a value: left out'])
  const many = parseArchive('x.dat', 'rain\n'.repeat(8)).faults
  expect([many.length, many.at(-1)]).toEqual([6, 'x.dat: 3 more lines are left out'])
  expect(() => parseArchive('9 lives.dat', '')).toThrow('"9 lives" is not a field name')
  await expect(readArchive('/nowhere')).rejects.toThrow('name a folder of .dat files with --archive')
  await expect(readArchive('fixtures/g3')).rejects.toThrow('has no .dat file')
})

test('real lines, mutated word by word: never an end, never a wrong number', () => {
  const lines = ['1499990400.0 33.34', '1500076800 -3.6e1']
  for (const line of lines) {
    const [time = '', value = ''] = line.split(' ')
    const words = ['', 'abc', '33,34', '1e999', '--', '1.2.3', '12abc', '0x10', value.replace('.', ',')]
    const mutants = words.flatMap((word) => [`${time} ${word}`, `${word} ${value}`, `${line} ${word || '5'}`])
    for (const mutant of mutants) {
      const { values, faults } = parseArchive('x.dat', `# a\n# b\n# c\n${mutant}\n1600000000 7\n`)
      expect([mutant, [...values], faults.length]).toEqual([mutant, [[1_600_000_000, 7]], 1])
    }
  }
})

test('our own archive is served as it is', async () => {
  const weather = new Weather(await readArchive(OWN), false)
  const { fields, timelines } = getFields(weather, { start: 1, end: 0 })
  expect(Object.keys(fields).sort()).toEqual([
    'apex_dewpoint',
    'apex_humidity',
    'apex_pressure',
    'apex_temperature',
    'apex_winddirection',
    'apex_windspeed',
  ])
  expect(fields['apex_humidity']?.units).toBe('%')
  expect(timelines['weather.apex_humidity']?.interval).toBe(600)
  const { data, timeline } = getData(weather, {
    fields: ['apex_humidity'],
    start: 1_499_990_400,
    end: 1_499_991_600,
  })
  expect([...(timeline['weather.apex_humidity']?.t ?? [])]).toEqual([
    1_499_990_400, 1_499_991_000, 1_499_991_600,
  ])
  expect(data['apex_humidity']?.[0]).toBe(24.5)
})

test('shifted to now, it repeats at the same time of day and goes on with time', async () => {
  const archive = await readArchive(OWN)
  const weather = new Weather(archive, true)
  const now = 1_800_000_000
  weather.serveUntil(now - 3600)
  weather.serveUntil(now)
  weather.serveUntil(now)
  const ask = (start: number, end: number) => getData(weather, { fields: ['apex_humidity'], start, end }, now)
  expect([35, 36, 37]).toContain(ask(-6 * 3600, 0).data['apex_humidity']?.length ?? 0)
  const { t } = ask(-3 * DAY, 0).timeline['weather.apex_humidity'] ?? { t: new Float64Array() }
  expect(t.length).toBeGreaterThanOrEqual(3 * 144)
  expect(t.every((time, i) => i === 0 || time - (t[i - 1] ?? 0) === 600)).toBe(true)
  expect(t.at(-1)).toBeLessThanOrEqual(now)
  expect(now - (t.at(-1) ?? 0)).toBeLessThan(600)
  const newest = t.at(-1) ?? 0
  const original = archive.find(({ field }) => field === 'apex_humidity')?.values
  const sameTimeOfDay = 1_499_990_400 + (newest % DAY)
  expect([...(ask(newest, newest).data['apex_humidity'] ?? [])]).toEqual([original?.get(sameTimeOfDay)])
})
