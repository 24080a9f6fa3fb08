import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { counted } from '../core/counted.ts'
import { decimalOf } from '../core/decimal.ts'
import { ConfigError, messageOf } from '../core/errors.ts'
import { FIELD } from '../core/names.ts'

/** One quantity of an archive. */
export interface ArchivedField {
  readonly field: string
  readonly description: string
  readonly units: string
  /** Values by time (unix s), in time order. */
  readonly values: ReadonlyMap<number, number>
  /** The first few lines that are left out: `file:line` and the reason. */
  readonly faults: readonly string[]
}

/** Maximum number of faulty lines reported per file. */
const TOLD = 5

/**
 * Reads a folder of APEX weather text files, one quantity per file, `apex_humidity.dat`: three header lines
 * with its description, the name of its timeline and its units; then lines of time (unix s) and value,
 * possibly with further `#` comments between. A repeated time, such as midnight in these files, counts once.
 * An invalid line loses only itself.
 * @throws ConfigError if the folder has no such file, or one cannot be read
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
 * Parses one file of an archive; a value that is not a number becomes NaN only if it says so. @throws
 * ConfigError for its name
 */
export function parseArchive(path: string, text: string): ArchivedField {
  const field = basename(path, '.dat')
  if (!FIELD.test(field)) {
    throw new ConfigError(`${path}: "${field}" is not a field name: letters, digits and _, a letter first`)
  }
  const lines = text.split('\n').map((line) => line.trim())
  const samples: [number, number][] = []
  const faults: string[] = []
  let left = 0
  for (const [i, line] of lines.entries()) {
    if (line === '' || line.startsWith('#')) continue
    const [time, value, more] = line.split(/\s+/)
    const [t, v] = [time, value].map((word = '') => (/^nan$/i.test(word) ? Number.NaN : decimalOf(word)))
    if (t !== undefined && !Number.isNaN(t) && v !== undefined && more === undefined) samples.push([t, v])
    else if (left++ < TOLD)
      faults.push(`${path}:${i + 1}: "${line.slice(0, 60)}" is not a time and a value: left out`)
  }
  if (left > TOLD) faults.push(`${path}: ${counted(left - TOLD, 'more line is', 'more lines are')} left out`)
  samples.sort(([a], [b]) => a - b)
  const header = (n: number) => (lines[n]?.startsWith('#') ? lines[n].replace(/^#\s*/, '') : '')
  return { field, description: header(0), units: header(2), values: new Map(samples), faults }
}
