/** Fields of one data node that were read at different times: none has a hole where another has a sample. */
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import weather from '../datanode/weather.ts'
import { startBridge } from './bridge.ts'
import { testLab, until } from './lab.test-aid.ts'
import { ROOT } from './site.test-aid.ts'

const archive = mkdtempSync(join(tmpdir(), 'weather-'))
afterAll(() => rmSync(archive, { recursive: true }))

const [FROM, TO] = [1_499_990_400, 1_499_997_600]

/** A quantity as APEX writes it, one sample every `step` s. */
function write(field: string, step: number, value: (i: number) => number): [number, number][] {
  const samples = Array.from({ length: 1 + (TO - FROM) / step }, (_, i): [number, number] => [
    FROM + i * step,
    value(i),
  ])
  const lines = samples.map(([t, v]) => `${t}.0 ${v}`)
  writeFileSync(join(archive, `${field}.dat`), ['# A quantity.', '# its own', '# %', ...lines, ''].join('\n'))
  return samples
}

test('hourly beside minutely: each in every dialect as it is in its file', async () => {
  const hourly = write('a_hourly', 3600, (i) => 33 + i)
  const minutely = write('b_minutely', 60, (i) => i)
  await using lab = testLab()
  const bridge = await startBridge({
    bus: lab.hub.connect('bridge'),
    root: ROOT,
    listen: { host: '127.0.0.1', port: 0 },
    log: (text) => lab.lines.push(text),
  })
  await lab.run(weather, 'weather', { archive })
  const names = ['weather::a_hourly', 'weather::b_minutely']
  const get = async <T>(path: string) => (await (await fetch(bridge.url + path)).json()) as T
  const asked = new URLSearchParams(names.map((name): [string, string] => ['metric', name]))

  type Rows = { time: number; metric: string; value: number | null }[]
  const rows = await until(
    () => get<Rows>(`/api/data?${asked}&from=${FROM * 1000}&to=${TO * 1000}`),
    (got) => got.length > 0,
  )
  const of = (name: string) =>
    rows.flatMap(({ time, metric, value }) => (metric === name ? [[time / 1000, value]] : []))
  expect(names.map(of)).toEqual([hourly, minutely])

  const turned = (samples: [number, number][], ms = 1) => samples.map(([t, v]) => [v, t * ms])
  const drawn = await get<{ datapoints: unknown[] }[]>(
    `/graphite/render?target=weather.a_hourly&target=weather.b_minutely&from=${FROM}&until=${TO}&format=json`,
  )
  expect(drawn.map(({ datapoints }) => datapoints)).toEqual([turned(hourly), turned(minutely)])

  const range = { from: new Date(FROM * 1000).toISOString(), to: new Date(TO * 1000).toISOString() }
  const answer = await fetch(`${bridge.url}/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ targets: names.map((target) => ({ target })), range, maxDataPoints: 500 }),
  })
  const series = (await answer.json()) as { datapoints: unknown[] }[]
  expect(series.map(({ datapoints }) => datapoints)).toEqual([turned(hourly, 1000), turned(minutely, 1000)])

  type Part = { t: number[]; values: Record<string, (number | null)[]> }
  const parts = await get<Part[]>(`/page/past?${asked}&from=${FROM * 1000}&to=${TO * 1000}`)
  expect(parts.map(({ t, values }) => t.map((time, i) => [time, Object.values(values)[0]?.[i]]))).toEqual([
    hourly,
    minutely,
  ])
  await bridge.close()
})
