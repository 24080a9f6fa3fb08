import { mkdirSync } from 'node:fs'
import { type FileHandle, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

/** What somebody wrote down: when (unix s), what, who. */
export const Note = z.object({ time: z.number(), text: z.string(), by: z.string() })
export type Note = z.output<typeof Note>

/** Where the notes of a data directory are: a line of JSON each, kept with the data that they are about. */
const file = (dir: string) => join(dir, 'notes.jsonl')

/** Adds a note, on disk once this returns. @throws Error of the file system */
export async function addNote(dir: string, note: Note): Promise<void> {
  mkdirSync(dir, { recursive: true })
  await using handle = await open(file(dir), 'a+')
  // A line that a crash cut short is ended, so that it costs no other.
  const start = (await endsInLine(handle)) ? '' : '\n'
  await handle.appendFile(`${start}${JSON.stringify(note)}\n`)
  await handle.datasync()
}

/** The newest notes between two times (unix s), in their order; lines that are none are passed over. */
export async function readNotes(dir: string, start: number, end: number, most: number): Promise<Note[]> {
  let text: string
  try {
    text = await readFile(file(dir), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  return text
    .split('\n')
    .flatMap((line) => Note.safeParse(parsed(line)).data ?? [])
    .filter(({ time }) => time >= start && time <= end)
    .sort((a, b) => a.time - b.time)
    .slice(-most)
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

async function endsInLine(handle: FileHandle): Promise<boolean> {
  const { size } = await handle.stat()
  if (size === 0) return true
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer.toString() === '\n'
}
