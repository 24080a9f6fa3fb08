/**
 * Files written by spt3g and so3g (fixtures/g3/make.py) are read as these read them, and rewritten byte for
 * byte.
 */
import { expect, test } from 'bun:test'
import { decodeObject } from './decode.ts'
import { encodeObject } from './encode.ts'
import { encodeFrame, locateFrame, walkFrames } from './frame.ts'
import type { G3Object } from './objects.ts'

const folder = `${import.meta.dir}/../../../fixtures/g3`
const names = ['hk', 'hk-schema0', 'hk-schema1', 'objects']

const bytesOf = (name: string) => Bun.file(`${folder}/${name}.g3`).bytes()

function bits(value: number): string {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  return view.getBigUint64(0).toString(16).padStart(16, '0')
}

function mapped<Value>(entries: Iterable<readonly [string, Value]>, to: (value: Value) => unknown) {
  return Object.fromEntries([...entries].map(([key, value]) => [key, to(value)]))
}

/** An object in the form of the JSON beside each fixture. */
function described(object: G3Object | null): unknown {
  if (!object) return null
  const { kind } = object
  switch (kind) {
    case 'Opaque':
      return [object.className, null]
    case 'G3Bool':
    case 'G3String':
    case 'G3VectorString':
      return [kind, object.value]
    case 'G3Double':
      return [kind, bits(object.value)]
    case 'G3Int':
    case 'G3Time':
      return [kind, `${object.value}`]
    case 'G3VectorDouble':
      return [kind, Array.from(object.value, bits)]
    case 'G3VectorInt':
    case 'G3VectorTime':
      return [kind, Array.from<number | bigint>(object.value).map(String)]
    case 'G3VectorBool':
      return [kind, Array.from(object.value, Boolean)]
    case 'G3VectorFrameObject':
      return [kind, object.value.map(described)]
    case 'G3MapFrameObject':
      return [kind, mapped(object.value, described)]
    case 'G3TimesampleMap':
      return [kind, { times: Array.from(object.times, String), value: mapped(object.value, described) }]
    case 'G3MapString':
      return [kind, mapped(object.value, String)]
    case 'G3MapDouble':
      return [kind, mapped(object.value, bits)]
    case 'G3MapInt':
      return [kind, mapped(object.value, String)]
    case 'G3MapVectorDouble':
      return [kind, mapped(object.value, (values) => Array.from(values, bits))]
    case 'G3MapVectorInt':
      return [kind, mapped(object.value, (values) => Array.from<number | bigint>(values).map(String))]
    case 'IrregBlockDouble': {
      const data = mapped(object.value, (values) => Array.from(values, bits))
      return [kind, { prefix: object.prefix, t: Array.from(object.times, bits), data }]
    }
  }
}

test.each(names)('%s.g3 reads as its writer reads it', async (name) => {
  const frames = [...walkFrames(await bytesOf(name), { verify: true })]
  const read = frames.map((frame) => ({
    type: frame.type,
    entries: mapped(frame.entries, (archive) => described(decodeObject(archive))),
  }))
  expect(read).toEqual(await Bun.file(`${folder}/${name}.json`).json())
})

test.each(['hk', 'hk-schema1', 'objects'])('%s.g3 is written again byte for byte', async (name) => {
  const bytes = await bytesOf(name)
  const parts: Uint8Array[] = []
  for (const frame of walkFrames(bytes)) {
    const objects = new Map<string, G3Object>()
    for (const [key, archive] of frame.entries) {
      const object = decodeObject(archive)
      expect(encodeObject(object)).toEqual(archive)
      if (object) objects.set(key, object)
    }
    parts.push(encodeFrame({ type: frame.type, entries: objects }))
  }
  expect(Buffer.concat(parts).equals(bytes)).toBe(true)
})

test('a block that stands twice in a vector is one object', async () => {
  const frame = [...walkFrames(await bytesOf('objects'))].find(({ entries }) => entries.has('shared'))
  const shared = decodeObject(frame?.entries.get('shared') ?? new Uint8Array())
  if (shared?.kind !== 'G3VectorFrameObject') throw new Error('no vector')
  expect(shared.value[2]).toBe(shared.value[0])
  expect(shared.value[1]).not.toBe(shared.value[0])
})

test('a frame begins where the file does', async () => {
  const frame = locateFrame(await bytesOf('hk'))
  expect([frame.type, frame.offset]).toEqual(['H', 0])
  expect(Array.from(frame.entries, ([name]) => name).sort()).toEqual([
    'description',
    'hkagg_type',
    'hkagg_version',
    'session_id',
    'start_time',
  ])
})
