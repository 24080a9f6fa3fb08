/**
 * `ocs archive push` into seaweedfs, a real S3 server, and by rsync: files are there byte by byte before they
 * are removed here, whatever is killed, cut or altered on the way. `STEPS=1000` kills it at each step.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { declaration, record, T0, TestEpoch } from '../../src/storage/recorder/recorder.test-aid.ts'
import { compare, filesOf, spooled, unacknowledged } from './archive.ts'
import { DemoLab, SITE } from './demo-lab.ts'
import { figure, Lab, type Running, until } from './roles.ts'
import { SmallDisk } from './small-disk.ts'
import { Between, BUCKET, KEYS, type Step, weed } from './weed.ts'

/** Number of steps, evenly spread over all, at which a push is killed. */
const STEPS = Number(process.env['STEPS'] ?? 6)
setDefaultTimeout(300_000 + 20_000 * Math.min(STEPS, 60))

const STORE = `s3://${BUCKET}/hk`
/** Files span at most an hour, so each of these is one. */
const HOUR = 4000

/**
 * Makes a data directory as a recorder leaves it: a number of files of an hour, with a number of samples
 * each.
 */
async function recorded(dir: string, hours: number, samples = 60, fields = 1): Promise<string[]> {
  const names = Array.from({ length: fields }, (_, i) => [`T${i}`, 'double'] as const)
  const epoch = new TestEpoch('temperatures', 'e1', declaration({ temps: Object.fromEntries(names) }))
  for (let hour = 0; hour < hours; hour++)
    for (let i = 0; i < samples; i++) {
      const values = names.map(([name], n): [string, number[]] => [name, [Math.sin(hour * samples + i + n)]])
      epoch.add('temps', [T0 + hour * HOUR + (i * 3500) / samples], Object.fromEntries(values))
    }
  const { recorder } = await record(dir, { frameLength: 600 })
  epoch.feed(recorder)
  await recorder[Symbol.asyncDispose]()
  return filesOf(dir)
}

/** Rows of a file, as its recorder has listed them. */
function rowsIn(dir: string, file: string): number {
  const lines = readFileSync(join(dir, '.ocs', 'files.jsonl'), 'utf8')
    .split('\n')
    .filter(Boolean)
  const { rows } = lines.map((line) => JSON.parse(line)).find((one) => one.file === file) as {
    rows: Record<string, [number, number][]>
  }
  return Object.values(rows)
    .flat()
    .reduce((sum, [first, last]) => sum + last - first + 1, 0)
}

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')
const shasOf = (dir: string, files: readonly string[]) =>
  new Map(files.map((file) => [file, sha256(join(dir, file))]))
const push = (to: string, dir: string, ...more: string[]) => [
  'archive',
  'push',
  to,
  '--data-dir',
  dir,
  ...more,
]
const at = (endpoint: string) => ['--endpoint', endpoint]

/** The result of an audit for the rows of a directory. */
async function audited(
  lab: Lab,
  dir: string,
  more: readonly string[] = [],
  env: Record<string, string> = {},
) {
  const { code, out, err } = await lab.run(['audit', '--data-dir', dir, '--json', ...more], { env }, 60)
  expect(code, err + out).toBe(0)
  const { epochs } = JSON.parse(out) as {
    epochs: { expected: number; recorded: number; missing: []; doubled: [] }[]
  }
  for (const { missing, doubled } of epochs) expect([missing, doubled]).toEqual([[], []])
  return epochs.reduce((sum, one) => sum + one.recorded, 0)
}

test('a lab is recorded while its files are pushed and go: nothing is missing, and what comes back is what was recorded', async () => {
  await using lab = new Lab(KEYS)
  const { endpoint, list } = await weed(lab)
  const demo = new DemoLab(lab)
  await lab.hub()
  await demo.sim240()
  const agent = demo.ls240(10)
  const record = () => demo.aggregator('--frame-length', '0.2', '--time-per-file', '1')
  /** A recorder keeps its files open for ten minutes, and closes all when it ends. */
  const closing = async (running: Running, count: number) => {
    await until('there are some files', 60, () => filesOf(demo.dataDir).length > count)
    expect(await running.stop()).toMatchObject({ code: 0 })
    return record()
  }
  const first = await closing(record(), 5)
  const node = lab.start('archive', [
    'datanode',
    'archive',
    '--data-dir',
    demo.dataDir,
    '--log-dir',
    lab.path('log'),
  ])
  const pusher = lab.start('push', push(STORE, demo.dataDir, ...at(endpoint), '--keep', '0s', '--follow'))
  await pusher.says(/removed here/, 120)
  expect(await pusher.stop()).toMatchObject({ code: 0 })
  const recorder = await closing(first, 6)
  const again = await lab.run(push(STORE, demo.dataDir, ...at(endpoint), '--keep', '0s'), {}, 60)
  expect(again.code, again.err).toBe(0)
  const gone = (await list('hk/1'))
    .map((key) => key.slice(3))
    .filter((file) => !existsSync(join(demo.dataDir, file)))
  expect(gone.length).toBeGreaterThan(3)
  await recorder.says('new file', 60)
  expect(await recorder.kill()).toMatchObject({ signal: 'SIGKILL' })
  const next = record()
  await next.says('new file', 60)
  expect((await lab.run(['ctrl', 'stop', '--target=ls240'])).code).toBe(0)
  await until('everything is recorded', 60, () => unacknowledged(lab.path('state')) === 0)
  const rows = spooled(lab.path('state'))
  expect(await audited(lab, demo.dataDir, SITE)).toBeGreaterThanOrEqual(rows.length)
  expect(await audited(lab, demo.dataDir, ['--fetch'])).toBeGreaterThanOrEqual(rows.length)
  expect([first, recorder, next].map((one) => one.text()).join('\n')).not.toMatch(
    /moved or lost|requested again/,
  )
  // Removed files are exported, and served by a node that has them in its index.
  const csv = ['export', 'ls240.temperatures.Channel_1_T', '--from', '-1d', '--data-dir', demo.dataDir]
  const exported = await lab.run(csv, {}, 60)
  expect(exported.code, exported.err).toBe(0)
  const samples = exported.out.trim().split('\n').slice(1)
  const read = rows.filter(({ instance, row }) => instance === 'ls240' && row.data['Channel_1_T'])
  expect(samples).toHaveLength(read.reduce((sum, { row }) => sum + row.t.length, 0))

  for (const role of [agent, next, node]) expect(await role.stop()).toMatchObject({ code: 0 })
  const back = await lab.run(['archive', 'get', ...gone, '--data-dir', demo.dataDir], {}, 60)
  expect(back.code, back.err).toBe(0)
  await compare(lab, demo.dataDir, rows)
  figure(`${rows.length} rows; ${gone.length} files went and came back`)
})

test(`kill -9 at ${STEPS} steps of a push: no file is gone that is not in the store byte by byte, and the next one goes on`, async () => {
  await using lab = new Lab(KEYS)
  const { endpoint, sha256: shaOf, list } = await weed(lab)
  await using between = new Between()
  const through = await between.listen()
  let files: string[] = []
  /** Pushes a directory of its own; `onStep` is told each step, to kill it there. */
  const pushed = async (name: string, onStep: (step: Step, running: Running) => boolean) => {
    const dir = lab.path(name)
    files = await recorded(dir, 3)
    const shas = shasOf(dir, files)
    const running = lab.start(name, push(`s3://${BUCKET}/${name}`, dir, ...at(through), '--keep', '0s'))
    between.onStep = (step) => onStep(step, running)
    const end = await running.ended(60)
    return { dir, end, shas, said: running.text() }
  }
  let steps = 0
  const whole = await pushed('whole', () => {
    steps++
    return false
  })
  expect(whole.end, whole.said).toMatchObject({ code: 0 })
  const killed: string[] = []
  const stride = Math.max(1, steps / STEPS)
  for (let step = 1; step <= steps; step += stride) {
    const name = `kill-${Math.floor(step)}`
    let seen = 0
    const { dir, end, shas } = await pushed(name, ({ method, path, side }, running) => {
      if (++seen !== Math.floor(step)) return false
      killed.push(
        `${side} of ${method} ${path.replace(/.*\/(\d+)\/\d+\.g3$/, 'a file').replace(`/${BUCKET}/${name}/`, '')}`,
      )
      running.signal('SIGKILL')
      // A request that was sent goes through; nobody is left to receive an answer.
      return side === 'answer'
    })
    expect(end, name).toMatchObject({ signal: 'SIGKILL' })
    between.onStep = () => false
    for (const [file, sha] of shas)
      if (!existsSync(join(dir, file))) expect(await shaOf(`${name}/${file}`)).toBe(sha)
    expect(await audited(lab, dir)).toBe(180)
    const next = await lab.run(push(`s3://${BUCKET}/${name}`, dir, ...at(endpoint), '--keep', '0s'), {}, 60)
    expect(next.code, next.err).toBe(0)
    for (const [file, sha] of shas) expect(await shaOf(`${name}/${file}`)).toBe(sha)
    expect(filesOf(dir)).toEqual(files.slice(-1))
    expect(await audited(lab, dir)).toBe(180)
  }
  // Between the note and the removal there is no request: these moments are recognized by the log.
  for (const line of [/read back/, /removed here/]) {
    const name = line.source.replaceAll(' ', '-')
    const dir = lab.path(name)
    const shas = shasOf(dir, await recorded(dir, 3))
    const running = lab.start(name, push(`s3://${BUCKET}/${name}`, dir, ...at(endpoint), '--keep', '0s'))
    await running.says(line, 60)
    await running.kill()
    killed.push(`the line ${line.source}`)
    for (const [file, sha] of shas)
      if (!existsSync(join(dir, file))) expect(await shaOf(`${name}/${file}`)).toBe(sha)
    expect(await audited(lab, dir)).toBe(180)
    expect(
      await lab.run(push(`s3://${BUCKET}/${name}`, dir, ...at(endpoint), '--keep', '0s'), {}, 60),
    ).toMatchObject({ code: 0 })
    for (const [file, sha] of shas) expect(await shaOf(`${name}/${file}`)).toBe(sha)
    expect(await audited(lab, dir)).toBe(180)
  }
  expect((await list('whole/')).length).toBeGreaterThan(3)
  expect(killed.length).toBeGreaterThanOrEqual(Math.min(STEPS, steps))
  figure(`${steps} steps; killed at: ${[...new Set(killed)].join(', ')}`)
})

test('objects that are cut, altered or lost are found: sent again while the file is here, told where it is not', async () => {
  await using lab = new Lab(KEYS)
  const { endpoint, get, put, remove, sha256: shaOf } = await weed(lab)
  const dir = lab.path('data')
  const files = await recorded(dir, 5, 600)
  const shas = shasOf(dir, files)
  const [cut = '', altered = '', lost = '', well = ''] = files
  expect(await lab.run(push(STORE, dir, ...at(endpoint)), {}, 60)).toMatchObject({ code: 0 })
  const spoil = async () => {
    const bytes = await get(`hk/${altered}`)
    await put(`hk/${altered}`, bytes.with(1000, (bytes[1000] ?? 0) ^ 1))
    await put(`hk/${cut}`, (await get(`hk/${cut}`)).slice(0, -1))
    await remove(`hk/${lost}`)
  }
  await spoil()
  const again = await lab.run(push(STORE, dir, ...at(endpoint), '--keep', '0s'), {}, 60)
  expect(again.code, again.err).toBe(0)
  expect(again.err.match(/no longer has it as it was pushed/g)).toHaveLength(3)
  for (const [file, sha] of shas) expect(await shaOf(`hk/${file}`)).toBe(sha)
  for (const file of [cut, altered, lost]) expect(existsSync(join(dir, file))).toBe(true)
  expect(existsSync(join(dir, well))).toBe(false)
  expect(await lab.run(push(STORE, dir, ...at(endpoint), '--keep', '0s'), {}, 60)).toMatchObject({ code: 0 })
  expect(filesOf(dir)).toEqual(files.slice(-1))
  await spoil()
  const got = await lab.run(['archive', 'get', ...files.slice(0, 4), '--data-dir', dir], {}, 60)
  expect(got).toMatchObject({ code: 3, out: well })
  expect(got.err).toContain(`${cut} is stored elsewhere: what is in ${STORE} is not what was pushed there`)
  expect(got.err).toContain(
    `${altered} is stored elsewhere: what is in ${STORE} is not what was pushed there`,
  )
  expect(got.err).toContain(`${lost} is stored elsewhere: it is no longer in ${STORE}`)
  const audit = await lab.run(['audit', '--data-dir', dir, '--fetch'], {}, 60)
  expect(audit.code).toBe(1)
  for (const file of [cut, altered, lost]) expect(audit.out).toContain(`${file}: damaged after 0 bytes`)
  const csv = await lab.run(['export', 'it.temperatures.T0', '--from', '0', '--data-dir', dir], {}, 60)
  expect(csv).toMatchObject({ code: 3, err: expect.stringContaining('some files were not read:') })
  const missing = [cut, altered, lost].reduce((sum, file) => sum + rowsIn(dir, file), 0)
  expect(csv.out.trim().split('\n')).toHaveLength(1 + 5 * 600 - missing)
})

test('a transfer that is cut is tried again, and a server that is away is told', async () => {
  await using lab = new Lab(KEYS)
  const { endpoint } = await weed(lab)
  await using between = new Between()
  const through = await between.listen()
  const dir = lab.path('data')
  const files = await recorded(dir, 3, 6000)
  between.cutAfter = 4000
  const cut = await lab.run(push(STORE, dir, ...at(through), '--keep', '0s'), {}, 60)
  expect([cut.code, cut.err]).toEqual([3, expect.stringMatching(/does not answer/)])
  expect(filesOf(dir)).toEqual(files)
  between.cutAfter = Infinity
  expect(await lab.run(push(STORE, dir, ...at(through), '--keep', '0s'), {}, 60)).toMatchObject({ code: 0 })
  expect(filesOf(dir)).toEqual(files.slice(-1))
  between.onStep = () => true
  const csv = ['export', 'it.temperatures.T0', '--from', '0', '--data-dir', dir]
  const away = await lab.run(csv, {}, 60)
  expect([away.code, away.err]).toEqual([
    3,
    expect.stringMatching(/is stored elsewhere: s3:\/\/lab\/hk at \S+ does not answer/),
  ])
  between.onStep = () => false
  const back = await lab.run(csv, {}, 60)
  expect([back.code, back.out.trim().split('\n').length]).toEqual([0, 1 + 3 * 6000])
  expect(endpoint).not.toBe(through)
})

test('wrong keys, no keys, no bucket and no server are told in words, and nothing goes', async () => {
  await using lab = new Lab()
  const { endpoint } = await weed(lab)
  const dir = lab.path('data')
  const files = await recorded(dir, 2)
  const tried = async (to: string, env: Record<string, string>, where = endpoint) => {
    const { code, err } = await lab.run(push(to, dir, ...at(where), '--keep', '0s'), { env }, 60)
    expect(filesOf(dir)).toEqual(files)
    expect(err).not.toContain('four-kelvin')
    return [code, err.trim()]
  }
  expect(await tried(STORE, {})).toEqual([
    2,
    expect.stringMatching(/no credentials for S3: set AWS_ACCESS_KEY_ID/),
  ])
  expect(await tried(STORE, { ...KEYS, AWS_SECRET_ACCESS_KEY: 'wrong' })).toEqual([
    2,
    expect.stringMatching(/refused \(SignatureDoesNotMatch\)/),
  ])
  expect(await tried(STORE, { ...KEYS, AWS_ACCESS_KEY_ID: 'AKNOBODY' })).toEqual([
    2,
    expect.stringMatching(/refused \(InvalidAccessKeyId\)/),
  ])
  expect(await tried('s3://nowhere/hk', KEYS)).toEqual([
    2,
    expect.stringMatching(/there is no bucket nowhere/),
  ])
  expect(await tried(STORE, KEYS, 'http://127.0.0.1:9')).toEqual([
    3,
    expect.stringMatching(/does not answer/),
  ])
})

test('the limit holds, both ways; a file of several parts is there whole', async () => {
  await using lab = new Lab(KEYS)
  const { endpoint, sha256: shaOf } = await weed(lab)
  const dir = lab.path('data')
  const [file = ''] = await recorded(dir, 1, 20_000, 80)
  const { size } = statSync(join(dir, file))
  expect(size).toBeGreaterThan(10e6)
  const { code, err, took } = await lab.run(push(STORE, dir, ...at(endpoint), '--limit', '4MB'), {}, 120)
  expect(code, err).toBe(0)
  expect(took).toBeGreaterThan((2 * size) / 4e6 - 2)
  expect(await shaOf(`hk/${file}`)).toBe(sha256(join(dir, file)))
  figure(`${(size / 1e6).toFixed(1)} MB there and back in ${took.toFixed(1)} s at 4 MB/s`)
})

test('a disk that fills up is given back, down to the floor, oldest first; two pushes do not meet', async () => {
  await using lab = new Lab(KEYS)
  const { endpoint } = await weed(lab)
  await using between = new Between()
  const through = await between.listen()
  using disk = new SmallDisk(lab.path('small'), 24)
  const dir = join(disk.dir, 'data')
  const files = await recorded(dir, 6, 4000, 8)
  const sizes = files.map((file) => statSync(join(dir, file)).size)
  const reserve = join(dir, '.ocs', 'push-reserve')
  // No reserve exists yet, so nothing can be noted, and nothing is removed.
  disk.fill()
  const full = await lab.run(push(STORE, dir, ...at(endpoint), '--disk-floor', '1MB'), {}, 60)
  expect(full.code).not.toBe(0)
  expect(full.err).toMatch(/the disk is full/)
  expect(filesOf(dir)).toEqual(files)
  disk.free()
  expect(await lab.run(push('s3://nowhere/hk', dir, ...at(endpoint)), {}, 60)).toMatchObject({ code: 2 })
  const { size: aside } = statSync(reserve)
  disk.fill()
  // Two files and a half: three have to be removed, and the reserve is used up.
  const floor = aside + (sizes[0] ?? 0) + (sizes[1] ?? 0) + (sizes[2] ?? 0) / 2
  between.onStep = async () => {
    // Paused here while the first one is at work.
    between.onStep = () => false
    const second = await lab.run(push(STORE, dir, ...at(endpoint)), {}, 60)
    expect([second.code, second.err]).toEqual([1, expect.stringMatching(/another push of .* is running/)])
    return false
  }
  const first = await lab.run(
    push(STORE, dir, ...at(through), '--disk-floor', String(Math.ceil(floor))),
    {},
    120,
  )
  expect(first.code, first.err).toBe(0)
  expect(filesOf(dir)).toEqual(files.slice(3))
  expect(existsSync(reserve)).toBe(false)
})

test('by rsync, to a folder, to a daemon and through a remote shell: the same', async () => {
  await using lab = new Lab()
  mkdirSync(lab.path('remote'))
  // Takes the place of ssh: commands for the host run here.
  const shell = lab.path('remote-shell')
  const env = { RSYNC_RSH: shell }
  writeFileSync(shell, `#!/bin/sh\necho "$@" >>'${lab.path('shell.log')}'\nshift\nexec "$@"\n`, {
    mode: 0o755,
  })
  const config = `use chroot = no\n[hk]\npath = ${lab.path('remote')}\nread only = no\nuid = 0\ngid = 0\n`
  writeFileSync(lab.path('rsyncd.conf'), config)
  // With a socket as its input it would serve that.
  const daemon = lab.program('rsyncd', [
    ...['sh', '-c', 'exec rsync --daemon --no-detach --port=8730 --config="$0" </dev/null'],
    lab.path('rsyncd.conf'),
  ])
  await until('the daemon listens', 20, async () => {
    if (daemon.end) throw new Error(daemon.tail())
    return (await lab.program('rsync', ['rsync', 'rsync://127.0.0.1:8730/']).ended()).code === 0
  })
  for (const [name, to] of [
    ['folder', `rsync:${lab.path('remote')}/by-path`],
    ['daemon', 'rsync://127.0.0.1:8730/hk/by-daemon'],
    ['shell', `rsync:backup:${lab.path('remote')}/by shell`],
  ] as const) {
    const dir = lab.path(name)
    const files = await recorded(dir, 3)
    const shas = shasOf(dir, files)
    const first = await lab.run(push(to, dir), { env }, 60)
    expect(first.code, first.err).toBe(0)
    const place = lab.path('remote', to.split('/').at(-1) ?? '')
    for (const [file, sha] of shas) expect(sha256(join(place, file))).toBe(sha)
    // Altered in place, with its size and time unchanged.
    const [file = ''] = files
    const { mtime } = statSync(join(place, file))
    const bytes = readFileSync(join(place, file))
    writeFileSync(join(place, file), bytes.with(100, (bytes[100] ?? 0) ^ 1))
    utimesSync(join(place, file), mtime, mtime)
    const again = await lab.run(push(to, dir, '--keep', '0s'), { env }, 60)
    expect([again.code, again.err]).toEqual([0, expect.stringContaining(`${file}: ${to} no longer has it`)])
    expect(sha256(join(place, file))).toBe(shas.get(file) ?? '')
    expect(await lab.run(push(to, dir, '--keep', '0s'), { env }, 60)).toMatchObject({ code: 0 })
    expect(filesOf(dir)).toEqual(files.slice(-1))
    expect(await audited(lab, dir, ['--fetch'], env)).toBe(180)
    expect(await lab.run(['archive', 'get', '17000', '--data-dir', dir], { env }, 60)).toMatchObject({
      code: 0,
    })
    expect(shasOf(dir, files)).toEqual(shas)
  }
  expect(readFileSync(lab.path('shell.log'), 'utf8')).toMatch(/^backup rsync --server /m)
  const itself = await lab.run(
    push(`rsync:${lab.path('folder')}`, lab.path('folder'), '--keep', '0s'),
    {},
    60,
  )
  expect([itself.code, itself.err]).toEqual([2, expect.stringContaining('is the data directory itself')])
  await daemon.kill()
  const away = await lab.run(push('rsync://127.0.0.1:8730/hk/by-daemon', lab.path('daemon')), {}, 60)
  expect([away.code, away.err]).toEqual([
    3,
    expect.stringContaining('does not answer: rsync ended with code 10'),
  ])
})
