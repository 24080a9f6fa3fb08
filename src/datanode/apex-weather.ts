import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { ConfigError, messageOf } from '../core/errors.ts'
import { FIELD } from '../core/names.ts'

/** One quantity of an archive. */
export interface ArchivedField {
  readonly field: string
  readonly description: string
  readonly units: string
  /** Values by time (unix s), in order of time. */
  readonly values: ReadonlyMap<number, number>
}

/**
 * Reads a folder of APEX weather text files, one quantity a file, `apex_humidity.dat`: three header lines with its
 * description, the name of its timeline and its units; then lines of time (unix s) and value, with further `#` comments
 * between. A time that comes twice, as midnight does in these files, counts once.
 * @throws ConfigError when the folder has no such file, or one cannot be read
 */
export async function readArchive(folder: string): Promise<ArchivedField[]> {
  let names: string[]
  try {
    names = (await readdir(folder)).filter((name) => name.endsWith('.dat')).sort()
  } catch (cause) {
    throw new ConfigError(`${folder}: ${messageOf(cause)}: name a folder of .dat files with --archive`, {
      cause,
    })
  }
  if (names.length === 0) {
    throw new ConfigError(`${folder} has no .dat file: name a folder of .dat files with --archive`)
  }
  return Promise.all(
    names.map(async (name) => parseArchive(join(folder, name), await readFile(join(folder, name), 'utf8'))),
  )
}

/**
 * One file of an archive.
 * @throws ConfigError with `file:line` for a line that is neither a comment nor a time and a value
 */
export function parseArchive(path: string, text: string): ArchivedField {
  const field = basename(path, '.dat')
  if (!FIELD.test(field)) {
    throw new ConfigError(`${path}: "${field}" is no field name: letters, digits and _, a letter first`)
  }
  const lines = text.split('\n').map((line) => line.trim())
  const samples: [number, number][] = []
  for (const [i, line] of lines.entries()) {
    if (line === '' || line.startsWith('#')) continue
    const [time, value, ...rest] = line.split(/\s+/).map(Number)
    if (time === undefined || value === undefined || !Number.isFinite(time) || rest.length > 0) {
      throw new ConfigError(`${path}:${i + 1}: "${line.slice(0, 60)}" is not a time and a value`)
    }
    samples.push([time, value])
  }
  samples.sort(([a], [b]) => a - b)
  const header = (n: number) => (lines[n]?.startsWith('#') ? lines[n].replace(/^#\s*/, '') : '')
  return { field, description: header(0), units: header(2), values: new Map(samples) }
}
