import { expect, test } from 'bun:test'
import { awayFrom, type Copy, readManifest } from './manifest.ts'

const line = (file: string, sha256: string, store: string, more: Partial<Copy> = {}): string =>
  JSON.stringify({ file, size: 8, sha256, mtime: 1, store, verified: 2, ...more })

test('the newest content counts, wherever it is; an older one of another store does not', () => {
  const text = [
    line('17000/1700000000.g3', 'old', 's3://a'),
    line('17000/1700000000.g3', 'new', 's3://b'),
    line('17000/1700000000.g3', 'new', 'rsync:/c'),
    line('17000/1700003600.g3', 'x', 's3://a', { endpoint: 'http://one' }),
    line('17000/1700003600.g3', 'x', 's3://a', { endpoint: 'http://two' }),
  ].join('\n')
  const found = [...readManifest(text)].map(([name, copies]) => [
    name,
    ...copies.map(({ store, endpoint }) => `${store} ${endpoint ?? ''}`.trim()),
  ])
  expect(found).toEqual([
    ['17000/1700000000.g3', 'rsync:/c', 's3://b'],
    ['17000/1700003600.g3', 's3://a http://two', 's3://a http://one'],
  ])
})

test('a line that was cut short or names a file anywhere else costs itself', () => {
  const whole = line('17000/1700000000.g3', 'x', 's3://a')
  const text = [
    whole.slice(0, 40),
    line('../../etc/passwd', 'x', 's3://a'),
    line('/17000/1.g3', 'x', 's3://a'),
    whole,
    '{}',
    '',
  ]
  expect([...readManifest(text.join('\n')).keys()]).toEqual(['17000/1700000000.g3'])
})

test('a file that is here is not away, compressed or not', () => {
  const manifest = readManifest(
    ['17000/1700000000.g3', '17000/1700003600.g3.gz', '17000/1700007200.g3']
      .map((file) => line(file, file, 's3://a'))
      .join('\n'),
  )
  const away = (...here: string[]) => awayFrom(manifest, here).map(([{ file }]) => file)
  expect(away('17000/1700000000.g3.gz', '17000/1700003600.g3')).toEqual(['17000/1700007200.g3'])
  expect(away()).toHaveLength(3)
})
