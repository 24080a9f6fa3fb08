import { expect, test } from 'bun:test'
import { PATIENCE, RecordingWatch } from './recording-watch.ts'

test('that nobody records is told once, and that somebody does again', () => {
  const said: string[] = []
  let last = 0
  let acked = 0
  const spool = {
    feeds: () => ['counts'],
    held: () => [{ epoch: 'e', first: 1, last, acked }],
    unrecorded: () => last - acked,
  }
  const watch = new RecordingWatch(spool, (level, kind, text) => said.push(`${level} ${kind} ${text}`))
  const beats = (count: number) => {
    for (let beat = 0; beat < count; beat++) {
      last += 5
      watch.look()
    }
  }
  for (let frame = 1; frame <= 10; frame++) {
    beats(60)
    acked = last
  }
  beats(PATIENCE)
  expect(said).toEqual([])
  beats(2 * PATIENCE)
  expect(said).toEqual([expect.stringContaining('warning unrecorded nobody has recorded a row for 6 min')])
  acked = last - 1
  beats(60)
  expect(said.slice(1)).toEqual(['info unrecorded rows are recorded again'])
})
