import { type FileHandle, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { jsonLines } from '../../core/recording/json-lines.ts'
import { makeOwnFolder, ownPath } from './own-folder.ts'

/** A note that somebody wrote: when (unix s), what, who. */
export const Note = z.object({ time: z.number(), text: z.string(), by: z.string() })
export type Note = z.output<typeof Note>

/** The notes of a data directory: one line of JSON each, kept with the data that they are about. */
const file = (dir: string) => ownPath(dir, 'notes.jsonl')

/** Adds a note, on disk once this returns. @throws Error of the file system */
export async function addNote(dir: string, note: Note): Promise<void> {
  makeOwnFolder(dir)
  await using handle = await open(file(dir), 'a+')
  // A line that a crash cut short is terminated, so that no other line is lost.
  const start = (await endsInLine(handle)) ? '' : '\n'
  await handle.appendFile(`${start}${JSON.stringify(note)}\n`)
  await handle.datasync()
}

/** The newest notes between two times (unix s), in order; lines that are not notes are skipped. */
export async function readNotes(dir: string, start: number, end: number, most: number): Promise<Note[]> {
  // An earlier version kept them beside the data; they are moved at the next write.
  const text = (await readIfThere(file(dir))) ?? (await readIfThere(join(dir, 'notes.jsonl'))) ?? ''
  return jsonLines(text, Note)
    .filter(({ time }) => time >= start && time <= end)
    .sort((a, b) => a.time - b.time)
    .slice(-most)
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function endsInLine(handle: FileHandle): Promise<boolean> {
  const { size } = await handle.stat()
  if (size === 0) return true
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer.toString() === '\n'
}
