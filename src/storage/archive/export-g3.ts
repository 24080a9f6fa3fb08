import { type FileHandle, open } from 'node:fs/promises'
import { copiedFrame, type HkBlock, headFrames } from '../g3/hk.ts'
import type { G3Source } from '../g3/objects.ts'
import { ticksFrom } from '../g3/time.ts'
import type { ArchiveField } from './archive.ts'
import type { Column } from './archive-columns.ts'
import type { ExportFile } from './export-parquet.ts'

/**
 * Begins a `.g3` housekeeping file (schema 2): a provider per feed, a block per group of fields with the same
 * times. so3g and spt3g read it by its name; it does not belong in a recorder's folder.
 */
export async function g3File(path: string, fields: readonly ArchiveField[]): Promise<ExportFile> {
  const file: FileHandle = await open(path, 'w')
  const addresses = [...new Set(fields.map(({ address }) => address))]
  const providers = new Map(addresses.map((address, i) => [i, address]))
  const sessionId = BigInt(Math.floor(Date.now() / 1000))
  let begun = false
  const begin = async (time: number) => {
    if (!begun) await file.appendFile(headFrames({ sessionId, time, generation: 0, ledger: '{}' }, providers))
    begun = true
  }
  return {
    async write(columns, before) {
      for (const [provider, address] of providers) {
        const own = fields.flatMap((field, i) => {
          const column = columns[i]
          return field.address === address && column ? [{ field, column: upTo(column, before) }] : []
        })
        const blocks = blocksOf(own.filter(({ column }) => column.t.length > 0))
        const [first] = blocks
        if (!first) continue
        const time = own[0]?.column.t[0] ?? 0
        await begin(time)
        await file.appendFile(copiedFrame(sessionId, time, { provider, address, blocks }))
      }
    },
    async end() {
      await begin(0)
      await file.close()
    },
  }
}

function upTo({ type, t, ticks, values }: Column, before: number): Column {
  let end = t.length
  while (end > 0 && (t[end - 1] ?? 0) >= before) end--
  if (end === t.length) return { type, t, ticks, values }
  return { type, t: t.subarray(0, end), ticks: ticks?.subarray(0, end), values: values.slice(0, end) }
}

/**
 * Groups fields with the same times into blocks that keep their names, with a number added if a name is
 * taken.
 */
function blocksOf(list: readonly { field: ArchiveField; column: Column }[]): HkBlock[] {
  const blocks: { name: string; times: BigInt64Array; fields: Map<string, G3Source> }[] = []
  for (const { field, column } of list) {
    const ticks = column.ticks ?? ticksFrom(column.t)
    let block = blocks.find(({ times }) => same(times, ticks))
    if (!block) {
      const taken = new Set(blocks.map(({ name }) => name))
      let name = field.block
      for (let n = 2; taken.has(name); n++) name = `${field.block}_${n}`
      block = { name, times: ticks, fields: new Map() }
      blocks.push(block)
    }
    block.fields.set(field.shown, objectOf(column))
  }
  return blocks
}

function same(a: BigInt64Array, b: BigInt64Array): boolean {
  return a.length === b.length && a.every((t, i) => t === b[i])
}

function objectOf({ type, values }: Column): G3Source {
  if (type === 'string') return { kind: 'G3VectorString', value: values as readonly string[] }
  if (type === 'bool')
    return { kind: 'G3VectorBool', value: Array.from(values as Float64Array, (one) => one !== 0) }
  if (type === 'int') return { kind: 'G3VectorInt', value: [...(values as Iterable<number | bigint>)] }
  return { kind: 'G3VectorDouble', value: values as Float64Array }
}
