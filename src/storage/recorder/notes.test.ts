import { afterEach, expect, test } from 'bun:test'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { addNote, readNotes } from './notes.ts'
import { cleanUp, folder } from './recorder.test-aid.ts'

afterEach(cleanUp)

const note = (time: number, text = `note ${time}`) => ({ time, text, by: 'maya@grumpy' })

test('notes are read back between two times, the newest of too many; what a crash cut short costs no other', async () => {
  const dir = join(folder(), 'data')
  expect(await readNotes(dir, -Infinity, Infinity, 10)).toEqual([])
  await addNote(dir, note(1, 'two\nlines, "quoted" Ω'))
  appendFileSync(join(dir, '.ocs', 'notes.jsonl'), '{"time":2,"te')
  await addNote(dir, note(3))
  await addNote(dir, note(4))
  expect(await readNotes(dir, -Infinity, Infinity, 10)).toEqual([
    note(1, 'two\nlines, "quoted" Ω'),
    note(3),
    note(4),
  ])
  expect(await readNotes(dir, 3, 3, 10)).toEqual([note(3)])
  expect(await readNotes(dir, 0, 9, 1)).toEqual([note(4)])
})
