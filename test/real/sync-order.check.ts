/**
 * A kill does not test this, since the system keeps what a dead process wrote: by the system calls of a real
 * agent and a real recorder, a row is synced to the spool before it is published, and to a `.g3` file before
 * it is acknowledged.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { ticksFromSeconds } from '../../src/storage/g3/time.ts'
import { DemoLab, SITE } from './demo-lab.ts'
import { figure, Lab, until } from './roles.ts'
import { type Call, Traced } from './strace.ts'

setDefaultTimeout(400_000)

/** Samples to wait for, at 10 Hz. */
const SAMPLES = 40

/** A row that was sent, with the call that sent it. */
interface Sent {
  readonly seq: number
  readonly call: Call
}

const rowsIn = (calls: readonly Call[]) =>
  sent(calls, /\/ls240\/feeds\/\w+\{"epoch":"[^"]+","seq":(?<seq>\d+),"block":"\w+","t":\[(?<t>[\d.]+)/g)
const acksIn = (calls: readonly Call[]) =>
  sent(calls, /\/ls240\/ack\/\w+\{"epoch":"[^"]+",(?<t>)"seq":(?<seq>\d+),/g)

/** Matches of a pattern in the data sent to sockets: the time of the first sample, and the seq. */
function sent(calls: readonly Call[], pattern: RegExp): (Sent & { readonly t: number })[] {
  return calls
    .filter(({ path }) => path.startsWith('socket:'))
    .flatMap((call) =>
      [...call.bytes.matchAll(pattern)].map(({ groups: { t, seq } = {} }) => ({
        t: Number(t),
        seq: Number(seq),
        call,
      })),
    )
}

/** Rows sent before they were on disk: not written to such a file, or not synced after that. */
function early(
  calls: readonly Call[],
  file: RegExp,
  out: readonly Sent[],
  written: (one: Sent) => string | undefined,
): number[] {
  const writes = calls.filter(({ name, path }) => name.includes('write') && file.test(path))
  const syncs = calls.filter(({ name, path }) => name.endsWith('sync') && file.test(path))
  const safe = (one: Sent) => {
    const bytes = written(one)
    const write = bytes === undefined ? undefined : writes.find((call) => call.bytes.includes(bytes))
    return write && syncs.some((sync) => sync.begun > write.ended && sync.ended < one.call.begun)
  }
  return out.filter((one) => !safe(one)).map(({ seq }) => seq)
}

test('synced before it is published, synced before it is acknowledged', async () => {
  await using lab = new Lab()
  const demo = new DemoLab(lab)
  await lab.hub()
  await demo.sim240()
  const log = ['--log-dir', lab.path('log')]
  const instance = (name: string, ...args: string[]) => [
    'agent',
    '--instance-id',
    name,
    ...SITE,
    ...log,
    ...args,
  ]
  const recording = instance('aggregator', '--data-dir', demo.dataDir, '--frame-length', '0.5')
  const recorder = new Traced(lab, 'aggregator', recording)
  await recorder.role.says('recording to ', 60)
  const reading = instance('ls240', '--port', demo.pty, '--sampling-frequency', '10')
  const agent = new Traced(lab, 'ls240', reading)
  await until(
    'samples come',
    60,
    () => agent.role.lines.filter(({ from }) => from === 'out').length >= SAMPLES,
  )
  expect(await agent.role.stop()).toMatchObject({ code: 0 })
  expect(await recorder.role.stop()).toMatchObject({ code: 0 })
  await until('the traces are whole', 10, () => agent.over && recorder.over)

  const ofAgent = agent.calls()
  const rows = rowsIn(ofAgent)
  expect(rows.length).toBeGreaterThanOrEqual(SAMPLES)
  const times = new Map(rows.map(({ seq, t }) => [seq, t]))
  const stored = ({ seq }: Sent) => `"t":[${times.get(seq)}`
  expect(early(ofAgent, /\/ls240\.sqlite-wal$/, rows, stored)).toEqual([])

  const ofRecorder = recorder.calls()
  const acks = acksIn(ofRecorder)
  expect(acks.length).toBeGreaterThan(3)
  const ticks = Buffer.alloc(8)
  const recorded = ({ seq }: Sent) => {
    const t = times.get(seq)
    if (t === undefined) return undefined
    ticks.writeBigInt64LE(ticksFromSeconds(t))
    return ticks.toString('latin1')
  }
  // A file is finished before it gets its name, which therefore never appears in the trace.
  const g3 = /\/data\/(\.ocs\/new-file|\d+\/\d+\.g3)/
  expect(early(ofRecorder, g3, acks, recorded)).toEqual([])
  // The name of the file survives as well: both folders are synced before the first acknowledgement.
  const folders = ofRecorder.filter(({ name, path }) => name === 'fsync' && /\/data(\/\d+)?$/.test(path))
  const first = acks[0]?.call.begun ?? 0
  expect(new Set(folders.filter(({ ended }) => ended < first).map(({ path }) => path)).size).toBe(2)

  // Without the syncs all rows are early, so the test can fail.
  const unsynced = (calls: readonly Call[]) => calls.filter(({ name }) => !name.endsWith('sync'))
  expect(early(unsynced(ofAgent), /\/ls240\.sqlite-wal$/, rows, stored).length).toBe(rows.length)
  expect(early(unsynced(ofRecorder), g3, acks, recorded).length).toBe(acks.length)
  figure(
    `${rows.length} rows published, each synced before; ${acks.length} acknowledgements, each after its fdatasync`,
  )
})
