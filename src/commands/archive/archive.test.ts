import { afterEach, expect, test } from 'bun:test'
import { join } from 'node:path'
import { ENV, s3Server } from '../../storage/elsewhere/s3-server.test-aid.ts'
import { cleanUp, filesIn, folder, recordedHours } from '../../storage/recorder/recorder.test-aid.ts'
import { run } from '../program.ts'

afterEach(cleanUp)

/** Runs a command line. @param signal ends it as Ctrl-C does */
async function ocs(argv: readonly string[], signal = new AbortController().signal) {
  const printed = { out: '', err: '' }
  const code = await run(argv, {
    ...{ signal, env: { ...ENV, OCS_STATE_DIR: state }, terminal: false },
    out: (text) => {
      printed.out += text
    },
    err: (text) => {
      printed.err += text
    },
    size: () => ({ columns: 80, rows: 24 }),
  })
  return { code, ...printed }
}
let state = ''

/** A data directory with three files, and state of its own. */
async function recorded(): Promise<string> {
  state = folder()
  return (await recordedHours(3)).dir
}

test('files go, are listed, exported and audited where they are, and come back', async () => {
  await using server = s3Server()
  const dir = await recorded()
  const files = filesIn(dir)
  const to = ['archive', 'push', 's3://lab/hk', '--data-dir', dir, '--endpoint', server.endpoint]
  const first = await ocs(to)
  expect(first).toMatchObject({
    code: 0,
    out: 's3://lab/hk: 3 files pushed, 0 there already, 0 written still\n',
  })
  expect(await ocs([...to, '--keep', '0s'])).toMatchObject({
    code: 0,
    out: expect.stringContaining('2 removed here'),
  })
  const { out } = await ocs(['archive', 'ls', '--data-dir', dir, '--json'])
  expect(JSON.parse(out).map(({ file, here }: { file: string; here: boolean }) => [file, here])).toEqual(
    files.map((file, at) => [file, at === 2]),
  )
  expect((await ocs(['archive', 'ls', '--data-dir', dir])).out).toMatch(/3 files, .*; not here: 2, /)
  const csv = ['export', 'it.temperatures.T', '--from', '0', '--data-dir', dir]
  expect((await ocs(csv)).out.trim().split('\n')).toHaveLength(1 + 18)
  const audit = await ocs(['audit', '--data-dir', dir])
  expect(audit).toMatchObject({
    code: 0,
    out: expect.stringContaining('2 of them lie in s3://lab/hk: counted as noted'),
  })
  expect(await ocs(['archive', 'get', files[0] ?? '', '--data-dir', dir])).toMatchObject({
    code: 0,
    out: `${files[0]}\n`,
  })
  expect(await ocs(['archive', 'get', '17000', '--data-dir', dir])).toMatchObject({
    code: 0,
    out: `${files[1]}\n`,
  })
  expect(filesIn(dir)).toEqual(files)
  // The copies that were kept do, where no server is.
  await server[Symbol.asyncDispose]()
  expect(await ocs(['audit', '--data-dir', dir, '--fetch'])).toMatchObject({ code: 0 })
})

test('what cannot be meant is refused before anything is asked or done', async () => {
  await using server = s3Server()
  const dir = await recorded()
  const push = (to: string, ...more: string[]) => ocs(['archive', 'push', to, '--data-dir', dir, ...more])
  expect(await push('s3://lab/hk', '--keep', '30')).toMatchObject({
    code: 2,
    err: expect.stringContaining('such as 30d'),
  })
  expect(await push('s3://lab/hk', '--limit', '0')).toMatchObject({
    code: 2,
    err: expect.stringContaining('--limit takes'),
  })
  expect(await push('s3://lab/hk', '--disk-flor', '1GB')).toMatchObject({
    code: 2,
    err: expect.stringContaining('--disk-floor'),
  })
  expect(await push('/mnt/hk')).toMatchObject({ code: 2, err: expect.stringContaining('is not a store') })
  const nowhere = [
    'archive',
    'push',
    's3://lab/hk',
    '--data-dir',
    join(dir, 'no'),
    '--endpoint',
    server.endpoint,
  ]
  expect(await ocs(nowhere)).toMatchObject({ code: 2, err: expect.stringContaining('name a recorder') })
  expect(await ocs(['archive', 'get', '17000', '--data-dir', dir])).toMatchObject({
    ...{ code: 2, err: expect.stringContaining('no pushed file is "17000"') },
  })
  expect(server.asked).toEqual([])
})

test('Ctrl-C ends a push with what is noted, and the next one goes on', async () => {
  await using server = s3Server()
  const dir = await recorded()
  const [, second = ''] = filesIn(dir)
  const stop = new AbortController()
  server.hook = (method, key) => {
    if (method === 'PUT' && key.endsWith(second)) stop.abort(new DOMException('stopped', 'AbortError'))
    return undefined
  }
  const to = ['archive', 'push', 's3://lab/hk', '--data-dir', dir, '--endpoint', server.endpoint]
  const ended = await ocs(to, stop.signal)
  expect(ended.code).toBe(1)
  expect(ended.err).toContain('interrupted: files read back so far are noted')
  expect(ended.err).not.toContain('    at ')
  expect(JSON.parse((await ocs(['archive', 'ls', '--data-dir', dir, '--json'])).out)).toHaveLength(1)
  expect(await ocs(to)).toMatchObject({
    code: 0,
    out: expect.stringContaining('2 files pushed, 1 there already'),
  })
})
