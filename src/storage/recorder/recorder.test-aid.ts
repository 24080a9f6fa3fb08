import { setDefaultTimeout } from 'bun:test'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { conditions } from '../../../test/conditions.ts'
import { type FeedDeclaration, feedAddress, type Row } from '../../core/channels.ts'
import type { FeedEpoch } from '../../core/feed-sink.ts'
import { type FieldType, fromWire, type Wire } from '../../core/wire.ts'
import type { G3FormatError } from '../g3/bytes.ts'
import { entry, type LocatedFrame, walkFrames } from '../g3/frame.ts'
import { secondsFrom } from '../g3/time.ts'
import type { RecorderOptions } from './begin-recording.ts'
import { Recorder } from './recorder.ts'

// Many of these tests write a lot, on disks of all kinds.
setDefaultTimeout(300_000)

/** Milliseconds that closing a recorder may take: longer than the test runner waits. */
const PATIENCE = 3_600_000

/**
 * If OCS_TEST_KEEP names a folder, data and what was sent (`expected.jsonl`) are kept there for
 * `test/g3/check.py`.
 */
const keep = process.env['OCS_TEST_KEEP']
const folders: string[] = []

/** A new folder; `cleanUp` removes it. */
export function folder(): string {
  const path = mkdtempSync('/tmp/ocs-test-')
  folders.push(path)
  return path
}

/** Time of the first row in tests, unix s. */
export const T0 = 1_700_050_000

/** A data directory that does not exist yet; `cleanUp` removes it. */
export function data(): string {
  return join(folder(), 'data')
}

export function cleanUp(): void {
  for (const path of folders.splice(0)) {
    if (keep && readdirSync(path).includes('expected.jsonl'))
      cpSync(path, join(keep, basename(path)), { recursive: true })
    rmSync(path, { recursive: true })
  }
}

/** A copy of a data directory as it is on disk at this moment, which is what a kill would leave. */
export function snapshot(dir: string): string {
  const copy = join(folder(), 'data')
  mkdirSync(copy)
  for (const path of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const to = join(path.parentPath.replace(dir, copy), path.name)
    if (path.isDirectory()) mkdirSync(to, { recursive: true })
    else {
      mkdirSync(join(to, '..'), { recursive: true })
      writeFileSync(to, readFileSync(join(path.parentPath, path.name)))
    }
  }
  return copy
}

/**
 * A recorder with all its messages. Closing it leaves nothing unwritten, however slow the disk, unless a
 * limit is given.
 */
export async function record(dir: string, options: Partial<RecorderOptions> = {}) {
  const said: string[] = []
  const acks: { readonly from: FeedEpoch; readonly seq: number }[] = []
  // `until` resolves once a condition holds; it is checked whenever something is reported or acknowledged.
  const { look, until } = conditions()
  const say = (text: string) => {
    said.push(text)
    look()
  }
  const { remembered = {} } = options
  const recorder = await Recorder.open({
    dir,
    root: 'observatory',
    log: say,
    event: (level, kind, text) => say(`${level} ${kind}: ${text}`),
    ...options,
    remembered,
  })
  const close = recorder[Symbol.asyncDispose].bind(recorder)
  recorder[Symbol.asyncDispose] = (patience = PATIENCE) => close(patience)
  recorder.attach({
    state: { duplicates: 0, holes: 0, unnumbered: 0, malformed: 0, isMute: false, behind: 0, feeds: {} },
    acknowledge: (from, seq) => {
      acks.push({ from, seq })
      look()
    },
    [Symbol.asyncDispose]: async () => {},
  })
  return { recorder, said, acks, until, remembered }
}

export type Fields = Readonly<Record<string, FieldType>>

/** A declaration of blocks with their fields' types. */
export function declaration(blocks: Readonly<Record<string, Fields>>, frameLength = 300): FeedDeclaration {
  const declared = Object.entries(blocks).map(([block, fields]) => [
    block,
    Object.fromEntries(Object.entries(fields).map(([field, type]) => [field, { type }])),
  ])
  return {
    agent_class: 'TestAgent',
    record: true,
    frame_length: frameLength,
    blocks: Object.fromEntries(declared),
  }
}

/** One epoch of a feed, as an agent's spool holds it. */
export class TestEpoch {
  readonly from: FeedEpoch
  readonly declared: FeedDeclaration
  readonly rows: Row[] = []

  constructor(feed: string, epoch: string, declared: FeedDeclaration) {
    this.from = { instance: 'it', feed, epoch, spool: 'spool-1' }
    this.declared = declared
  }

  /** Adds a row to the spool. */
  add(block: string, t: number[], data: Record<string, Wire[]>): this {
    this.rows.push({ epoch: this.from.epoch, seq: this.rows.length + 1, block, t, data })
    return this
  }

  /** Gives a recorder the rows it lacks, at most `most`, as a follower would. */
  feed(recorder: Recorder, most = Infinity): boolean {
    const { epoch } = this.from
    const last = recorder.position(this.from, { epoch, first: 1, last: this.rows.length, acked: 0 })
    return recorder.rows(this.from, this.declared, this.rows.slice(last, last + most))
  }
}

/** Samples by full name, each as `type time value`, in order of time. */
export type Samples = Record<string, string[]>

/**
 * The rows that epochs sent, by their expected recorded names; `names` lists those that differ from the
 * fields'.
 */
export function sent(
  epochs: readonly TestEpoch[],
  names: (epoch: string, block: string, field: string) => string = (_epoch, _block, field) => field,
): Samples {
  const lines: [string, FieldType, number, Wire][] = []
  for (const { from, declared, rows } of epochs)
    for (const { block, t, data } of rows)
      for (const [field, { type }] of Object.entries(declared.blocks[block] ?? {})) {
        const name = `${feedAddress('observatory', from.instance, from.feed)}.${names(from.epoch, block, field)}`
        for (const [i, time] of t.entries()) lines.push([name, type, time, data[field]?.[i] ?? null])
      }
  return sorted(lines.map(([name, type, time, wire]) => [name, time, text(type, time, fromWire(type, wire))]))
}

/** Writes the rows that epochs sent beside a data directory, for `check.py`. */
export function writeExpected(
  dir: string,
  epochs: readonly TestEpoch[],
  names: (epoch: string, block: string, field: string) => string = (_epoch, _block, field) => field,
): void {
  const lines = epochs.flatMap(({ from, declared, rows }) =>
    rows.flatMap(({ block, t, data }) =>
      Object.entries(declared.blocks[block] ?? {}).map(([field, { type }]) =>
        JSON.stringify({
          address: feedAddress('observatory', from.instance, from.feed),
          field: names(from.epoch, block, field),
          type,
          t,
          // JSON has no -0.
          values: (data[field] ?? t.map(() => null)).map((value) => (Object.is(value, -0) ? '-0' : value)),
        }),
      ),
    ),
  )
  writeFileSync(join(dir, '..', 'expected.jsonl'), `${lines.join('\n')}\n`)
}

/** The frames of a file, and where and why reading ends if not at the end of the file. */
export function framesOf(bytes: Uint8Array): { frames: LocatedFrame[]; good: number; error?: G3FormatError } {
  const frames: LocatedFrame[] = []
  const walk = walkFrames(bytes, { verify: true })
  for (let step = walk.next(); ; step = walk.next()) {
    if (step.done) {
      const { goodBytes, error } = step.value
      return { frames, good: goodBytes, ...(error && { error }) }
    }
    frames.push(step.value)
  }
}

/** The paths of a directory's `.g3` files, in name order. */
export function filesIn(dir: string): string[] {
  const all = readdirSync(dir, { recursive: true }).map(String)
  return all.filter((path) => /^\d+\/\d+\.g3$/.test(path)).sort()
}

/** The content of a data directory's files; fails for a file that cannot be read to its end. */
export function recorded(dir: string): Samples {
  const found: [string, number, string][] = []
  for (const path of filesIn(dir)) {
    const { frames, error } = framesOf(readFileSync(join(dir, path)))
    if (error) throw error
    for (const frame of frames) {
      if (Number(entry(frame, 'hkagg_type', 'G3Int')?.value) !== 2) continue
      const address = entry(frame, 'address', 'G3String')?.value
      for (const block of entry(frame, 'blocks', 'G3VectorFrameObject')?.value ?? []) {
        if (block?.kind !== 'G3TimesampleMap') throw new Error('not a block')
        const times = secondsFrom(block.times)
        for (const [field, column] of block.value) {
          const type = typeOf[column?.kind ?? '']
          if (!column || !type) throw new Error(`${field} is a ${column?.kind}`)
          const values = column.value as unknown as ArrayLike<number | bigint | string>
          for (const [i, time] of times.entries())
            found.push([`${address}.${field}`, time, text(type, time, values[i])])
        }
      }
    }
  }
  return sorted(found)
}

const typeOf: Readonly<Record<string, FieldType>> = {
  G3VectorDouble: 'double',
  G3VectorInt: 'int',
  G3VectorBool: 'bool',
  G3VectorString: 'string',
}

function text(type: FieldType, time: number, value: unknown): string {
  const shown = Object.is(value, -0) ? '-0' : type === 'bool' ? String(Number(value)) : String(value)
  return `${type} ${time.toFixed(4)} ${shown}`
}

function sorted(lines: readonly (readonly [string, number, string])[]): Samples {
  const samples: Samples = {}
  for (const [name, , line] of lines.toSorted((a, b) => a[1] - b[1] || (a[2] < b[2] ? -1 : 1))) {
    samples[name] ??= []
    samples[name].push(line)
  }
  return samples
}

/** Files span at most an hour, so rows this far apart (s) are in different files. */
export const HOUR = 4000

/** Adds an hour of six rows to an epoch, numbered after the hours before. */
export function addHour(epoch: TestEpoch, number: number): TestEpoch {
  for (let i = 0; i < 6; i++) epoch.add('temps', [T0 + number * HOUR + i * 500], { T: [number * 6 + i] })
  return epoch
}

/** A data directory with some files of one hour each. */
export async function recordedHours(hours = 3): Promise<{ dir: string; epoch: TestEpoch }> {
  const dir = data()
  const epoch = new TestEpoch('temperatures', 'e1', declaration({ temps: { T: 'double' } }))
  const { recorder } = await record(dir, { frameLength: 60 })
  for (let number = 0; number < hours; number++) addHour(epoch, number)
  epoch.feed(recorder)
  await recorder[Symbol.asyncDispose]()
  return { dir, epoch }
}
