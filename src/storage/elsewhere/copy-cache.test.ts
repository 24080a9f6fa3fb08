import { expect, test } from 'bun:test'
import { readdirSync, utimesSync } from 'node:fs'
import { temporary } from '../../../test/temporary.ts'
import { CopyCache } from './copy-cache.ts'
import { digestOf } from './digest.ts'

async function* inPieces(bytes: Uint8Array) {
  for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7)
}
const bytesOf = (fill: number) => new Uint8Array(100).fill(fill)
const fileOf = async (fill: number) => ({ file: `17000/${fill}.g3`, ...(await digestOf([bytesOf(fill)])) })

test('what was used last stays, of as many bytes as may be kept', async () => {
  const cache = new CopyCache(temporary('copies'), 250)
  const [one, two, three] = [await fileOf(1), await fileOf(2), await fileOf(3)]
  for (const [i, file] of [one, two].entries()) {
    const path = await cache.keep(file, inPieces(bytesOf(i + 1)))
    utimesSync(path ?? '', i + 1, i + 1)
  }
  // Reading the first copy means that it is no longer the oldest.
  expect(await Bun.file(cache.find(one) ?? '').bytes()).toEqual(bytesOf(1))
  await cache.keep(three, inPieces(bytesOf(3)))
  expect([one, two, three].map((file) => cache.find(file) !== undefined)).toEqual([true, false, true])
})

test('bytes that are others than the file’s are not kept, and leave nothing behind', async () => {
  const cache = new CopyCache(temporary('copies'))
  const file = await fileOf(1)
  for (const wrong of [bytesOf(2), bytesOf(1).subarray(1), new Uint8Array()])
    expect(await cache.keep(file, inPieces(wrong))).toBeUndefined()
  async function* cut() {
    yield bytesOf(1).subarray(10)
    throw new Error('cut')
  }
  expect(cache.keep(file, cut())).rejects.toThrow('cut')
  await cache.keep(file, cut()).catch(() => {})
  expect(readdirSync(cache.folder)).toEqual([])
  expect(cache.find(file)).toBeUndefined()
})

test('a copy larger than all that may be kept is kept alone', async () => {
  const cache = new CopyCache(temporary('copies'), 50)
  const [one, two] = [await fileOf(1), await fileOf(2)]
  utimesSync((await cache.keep(one, inPieces(bytesOf(1)))) ?? '', 1, 1)
  await cache.keep(two, inPieces(bytesOf(2)))
  expect([one, two].map((file) => cache.find(file) !== undefined)).toEqual([false, true])
})
