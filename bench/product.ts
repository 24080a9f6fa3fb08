/** Imports of the benches from the product; everything else they start as its users do. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { startHub } from '../src/broker/hub.ts'
import { connectMqtt, reached } from '../src/bus/mqtt.ts'
import type { FeedDeclaration } from '../src/core/channels.ts'
import type { Columns, DataRequest } from '../src/core/data-node.ts'
import type { FieldType, Wire } from '../src/core/wire.ts'

export type { FieldType, Wire } from '../src/core/wire.ts'

import { archiveData } from '../src/datanode/g3-archive.ts'
import { type Caller, caller } from '../src/lab/request-client.ts'
import { findCredentials } from '../src/principals/credentials.ts'
import { initKeys, readHubKeys } from '../src/principals/hub-keys.ts'
import { byToken } from '../src/principals/identify.ts'
import { accountName, ownLocalTokens } from '../src/principals/local-token.ts'
import { principalsPath } from '../src/principals/principals-file.ts'
import { Spool } from '../src/runtime/spool/spool.ts'
import { Archive } from '../src/storage/archive/archive.ts'
import { entry, walkFrames } from '../src/storage/g3/frame.ts'
import { dataFrame, headFrames } from '../src/storage/g3/hk.ts'
import { Recorder } from '../src/storage/recorder/recorder.ts'
import { ROOT } from '../test/real/roles.ts'

/** Ticks of a `.g3` time per second. */
const TICKS = 1e8

/** The version of an installed package. */
export function packageVersion(name: string): string {
  const file = join(ROOT, 'node_modules', name, 'package.json')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

/** The hub over TLS on loopback, where `ocs hub` itself serves plain text. @param state its state folder */
export async function serveTlsHub(port: number, state: string): Promise<void> {
  initKeys(state, ['127.0.0.1'])
  const known = { account: accountName(), local: ownLocalTokens([state]), file: principalsPath(state) }
  await startHub({
    ...{ root: 'observatory', realm: 'test_realm', version: '0', keys: readHubKeys(state), websocket: [] },
    listen: [{ host: '127.0.0.1', port, tls: true }],
    identify: byToken({ ...known, log: () => {} }),
    log: () => {},
  })
}

/** A client that sends requests to agents. */
export async function connectCaller(
  url: string,
  client: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly ask: Caller; end(): Promise<void> }> {
  const credentials = () => findCredentials({ url, realm: 'test_realm', env })
  const bus = connectMqtt({ url, client, credentials })
  await reached(bus, url, 10)
  const ask = await caller(bus, 'observatory')
  return {
    ask,
    async end() {
      await ask[Symbol.asyncDispose]()
      await bus[Symbol.asyncDispose]()
    },
  }
}

/** Samples of the fields of one feed, as in a frame of a recorder. */
export interface Samples<Value = number> {
  readonly feed: number
  readonly times: number[]
  readonly fields: Readonly<Record<string, Value[]>>
}

/** The bytes of a `.g3` file, as the recorder writes it. */
export function g3File(begin: number, feeds: number, frames: Iterable<Samples>): Uint8Array {
  const sessionId = BigInt(begin)
  const addresses = new Map(
    Array.from({ length: feeds }, (_, i) => [i, `observatory.agent${i}.feeds.temperatures`] as const),
  )
  const parts = [headFrames({ sessionId, time: begin, generation: 0, ledger: '{}' }, addresses)]
  let seq = 0
  for (const { feed, times, fields } of frames) {
    const columns = Object.entries(fields).map(
      ([name, value]) => [name, { kind: 'G3VectorDouble', value } as const] as const,
    )
    parts.push(
      dataFrame(sessionId, times.at(-1) ?? begin, {
        root: 'observatory',
        from: { spool: 's', instance: `agent${feed}`, feed: 'temperatures', epoch: `e${begin}` },
        provider: feed,
        first: seq + 1,
        last: seq + times.length,
        blocks: [{ name: 'temps', times, fields: new Map(columns) }],
        gaps: [],
      }),
    )
    seq += times.length
  }
  return Buffer.concat(parts)
}

/**
 * Makes a recorder take messages of one row each, and write, sync and close its files. Returns the number of
 * rows written.
 */
export async function recordAll(
  dir: string,
  messages: Iterable<Samples<Wire>>,
  types: Readonly<Record<string, FieldType>>,
): Promise<number> {
  const ignore = () => {}
  const recorder = await Recorder.open({ dir, root: 'observatory', log: ignore, event: ignore })
  const temps = Object.fromEntries(Object.entries(types).map(([name, type]) => [name, { type }]))
  const declaration: FeedDeclaration = {
    agent_class: 'Bench',
    record: true,
    frame_length: 1000,
    blocks: { temps },
  }
  const seqs = new Map<number, number>()
  for (const { feed, times, fields } of messages) {
    const from = { spool: 's', instance: `agent${feed}`, feed: 'temperatures', epoch: 'e' }
    const seq = (seqs.get(feed) ?? 0) + 1
    seqs.set(feed, seq)
    const rows = [{ epoch: 'e', seq, block: 'temps', t: times, data: fields }]
    if (!recorder.rows(from, declaration, rows)) {
      await recorder.flush()
      if (!recorder.rows(from, declaration, rows)) throw new Error(`row ${seq} was not taken`)
    }
    // Gives the event loop a turn: full frames are written in it.
    if (seq % 100 === 0) await turn()
  }
  await recorder.flush()
  const { rows } = recorder.counters
  await recorder[Symbol.asyncDispose]()
  return rows
}

/** A summary of the samples of a file: number of values, their sum, the first and the last time (unix s). */
export interface Decoded {
  readonly count: number
  readonly sum: number
  readonly first: number
  readonly last: number
}

/** Decodes every sample of a file. */
export function decodeAll(file: Uint8Array): Decoded {
  let [count, sum, first, last] = [0, 0, Infinity, -Infinity]
  for (const frame of walkFrames(file)) {
    for (const block of entry(frame, 'blocks', 'G3VectorFrameObject')?.value ?? []) {
      if (block?.kind !== 'G3TimesampleMap') continue
      first = Math.min(first, Number(block.times[0] ?? Infinity) / TICKS)
      last = Math.max(last, Number(block.times.at(-1) ?? -Infinity) / TICKS)
      for (const column of block.value.values()) {
        if (column?.kind !== 'G3VectorDouble') continue
        count += column.value.length
        sum += column.value[0] ?? 0
      }
    }
  }
  return { count, sum, first, last }
}

/** The product's reader of a tree of `.g3` files, with its index in a file. */
export function openArchive(dir: string, index: string): Archive {
  return new Archive(dir, index)
}

/** Puts rows of one epoch into an agent's spool, as if it had read them while nobody recorded. */
export async function fillSpool(
  file: string,
  feed: string,
  declaration: FeedDeclaration,
  rows: Iterable<{ readonly t: number; readonly data: Readonly<Record<string, number>> }>,
): Promise<void> {
  const spool = new Spool(file)
  let n = 0
  for (const { t, data } of rows) {
    const columns = Object.fromEntries(Object.entries(data).map(([name, value]) => [name, [value]]))
    spool.append(feed, declaration, { epoch: 'away', block: 'temps', t: [t], data: columns })
    if (++n % 2000 === 0) await spool.flush()
  }
  await spool.flush()
  await spool.close()
}

/** A panel, as the data node of an archive answers it. */
export function archivePanel(archive: Archive, request: DataRequest): Promise<Columns> {
  return archiveData(archive, request)
}
