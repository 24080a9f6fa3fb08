import { expect, test } from 'bun:test'
import { openStore } from './open-store.ts'
import { ENV } from './s3-server.test-aid.ts'

const open = (text: string, endpoint?: string) => openStore(text, { endpoint, env: ENV, scratch: '/tmp/x' })

test.each([
  ['s3://lab', 's3://lab'],
  ['s3://lab/', 's3://lab'],
  ['s3://lab/hk//2026/', 's3://lab/hk/2026'],
  ['rsync:backup:/data/hk', 'rsync:backup:/data/hk'],
  ['rsync:lab@backup:/data/hk', 'rsync:lab@backup:/data/hk'],
  ['rsync:backup::hk/lab', 'rsync:backup::hk/lab'],
  ['rsync:/mnt/hk', 'rsync:/mnt/hk'],
  ['rsync://backup:873/hk', 'rsync://backup:873/hk'],
])('%s is a store', (text, url) => {
  expect(open(text).url).toBe(url)
})

test('a bucket is at AWS, in the region that is set, unless an endpoint is named', () => {
  expect(open('s3://lab').endpoint).toBe('https://s3.us-east-1.amazonaws.com')
  expect(open('s3://lab', 'http://127.0.0.1:8333/').endpoint).toBe('http://127.0.0.1:8333')
  const env = { ...ENV, AWS_REGION: 'eu-central-1' }
  expect(openStore('s3://lab', { env, scratch: '/tmp/x' }).endpoint).toBe(
    'https://s3.eu-central-1.amazonaws.com',
  )
})

test.each([
  ['s3://AK:secret@lab/hk', /^s3:\/\/…@lab\/hk .*AWS_ACCESS_KEY_ID/],
  ['s3://L', /not a bucket and prefix/],
  ['s3://lab/../other', /"\.\."/],
  ['rsync:-e sh:/x', /is not a store/],
  ['rsync:hk', /a full path/],
  ['/mnt/hk', /is not a store/],
  ['http://lab/hk', /is not a store/],
])('%s is none', (text, why) => {
  expect(() => open(text)).toThrow(why)
})

test('an endpoint is an address without a password in it', () => {
  expect(() => open('s3://lab', 'ftp://x')).toThrow(/--endpoint takes/)
  expect(() => open('s3://lab', 'http://me:secret@x')).toThrow(/given "http:\/\/…@x"/)
  expect(() => open('rsync:/x', 'http://x')).toThrow(/goes with s3/)
})
