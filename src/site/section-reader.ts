import { dirname, resolve } from 'node:path'
import { NAME, Name } from '../core/names.ts'
import { kindOf, readSection, type Section } from './keys.ts'
import { type Position, type Problems, where } from './problems.ts'
import type { Entry, Node } from './tree.ts'

/** The entries of a section, by key. */
export type Entries = ReadonlyMap<string, Entry>

/**
 * Reads sections of one site file and their values. Every method reports what is wrong and returns undefined
 * or nothing for it.
 */
export class SectionReader {
  readonly file: string
  readonly problems: Problems
  /** A sentence for each key that has no effect. */
  readonly notes = new Set<string>()

  constructor(file: string, problems: Problems) {
    this.file = file
    this.problems = problems
  }

  /** The entries of a section; `at` is where a missing key is reported. */
  section(node: Node, at: Position, section: Section): Entries {
    return readSection(node, at, section, this.problems, this.notes)
  }

  /** Where something is, `FILE:LINE:COLUMN`. */
  where(at: Position): string {
    return where(this.file, at)
  }

  /** A text that is not empty. */
  text(entries: Entries, key: string): string | undefined {
    const entry = entries.get(key)
    if (!entry) return undefined
    const { value } = entry
    if (value.kind === 'text' && value.text !== null && value.text !== '') return value.text
    this.problems.add(entry.at, `${key} takes a word, not ${kindOf(value)}`)
    return undefined
  }

  /** An instance-id or another name of that form; an invalid one is reported and still returned. */
  name(entries: Entries, key: string): string | undefined {
    const text = this.text(entries, key)
    const at = entries.get(key)?.value.at
    if (text === undefined || !at) return undefined
    const { error } = Name.safeParse(text)
    if (error) this.problems.add(at, `${key} ${JSON.stringify(text)}: ${error.issues[0]?.message}`)
    return text
  }

  /** Reports a key of a mapping that cannot be the name of a `what`. */
  checkName({ key, at }: Entry, what: string): void {
    if (!NAME.test(key))
      this.problems.add(at, `${JSON.stringify(key)} is not a name for a ${what}: letters, digits, _ and -`)
  }

  /** A key that takes one value only. */
  choice<T extends string>(entries: Entries, key: string, value: T): T | undefined {
    const text = this.text(entries, key)
    const at = entries.get(key)?.value.at
    if (text === value) return value
    if (text !== undefined && at)
      this.problems.add(at, `${key} ${JSON.stringify(text)}: it takes ${value}, or is left out`)
    return undefined
  }

  /** The path of a file, relative to the folder of the site file. */
  path(entries: Entries, key: string): string | undefined {
    const path = this.text(entries, key)
    return path === undefined ? undefined : resolve(this.folder, path)
  }

  /** The folder of the site file. */
  get folder(): string {
    return dirname(resolve(this.file))
  }

  /** The items of a list; none for an empty value. */
  list(entry: Entry | undefined, what: string): readonly Node[] {
    const value = entry?.value
    if (!entry || !value || (value.kind === 'text' && value.text === null)) return []
    if (value.kind === 'list') return value.items
    this.problems.add(entry.at, `${what} takes a list, not ${kindOf(value)}`)
    return []
  }
}
