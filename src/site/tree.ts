import { isAlias, isMap, isScalar, isSeq, type Scalar, type YAMLMap } from 'yaml'
import type { Position, Problems } from './problems.ts'

/** A value of a YAML file with its start and end; an alias is replaced by its value. */
export type Node = Text | List | Mapping
/** A scalar as written, without its quotes; null when nothing is written, or `null`. */
export interface Text {
  readonly kind: 'text'
  readonly at: Position
  readonly end: Position
  readonly text: string | null
}
export interface List {
  readonly kind: 'list'
  readonly at: Position
  readonly end: Position
  readonly items: readonly Node[]
}
export interface Mapping {
  readonly kind: 'mapping'
  readonly at: Position
  readonly end: Position
  readonly entries: readonly Entry[]
}
/** A key with its position. */
export interface Entry {
  readonly key: string
  readonly at: Position
  readonly value: Node
}

export const MAX_DEPTH = 32
export const TOO_DEEP = `nested deeper than ${MAX_DEPTH} levels`
const MAX_ALIASES = 50
/** The most values, with aliases expanded. */
const MAX_VALUES = 100_000

/**
 * Turns the parser's nodes into values with positions: resolves aliases, finds duplicate keys, limits depth
 * and size.
 */
export class TreeReader {
  readonly #at: (offset: number) => Position
  readonly #problems: Problems
  readonly #anchors = new Map<string, { readonly node: Node; readonly size: number }>()
  #size = 0
  #aliases = 0
  #isFull = false

  constructor(at: (offset: number) => Position, problems: Problems) {
    this.#at = at
    this.#problems = problems
  }

  /** Reads a node; `fallback` is the position of a value that is missing in the text. */
  read(node: unknown, fallback: Position, depth = 0): Node {
    if (node === null || node === undefined || this.#isFull) return nothing(fallback)
    const at = this.#start(node)
    if (depth > MAX_DEPTH) {
      this.#problems.add(at, TOO_DEEP)
      return nothing(at)
    }
    if (isAlias(node)) {
      // An anchor only exists after the end of its value, so nothing contains itself.
      const target = this.#anchors.get(node.source)
      if (!target) this.#problems.add(at, `no value above is named &${node.source}`)
      this.#aliases++
      this.#count(target?.size ?? 0, at)
      return target?.node ?? nothing(at)
    }
    const before = this.#size
    this.#count(1, at)
    const value = this.#value(node, at, depth)
    const { anchor } = node as { readonly anchor?: string }
    if (anchor !== undefined) this.#anchors.set(anchor, { node: value, size: this.#size - before })
    return value
  }

  #value(node: unknown, at: Position, depth: number): Node {
    const end = this.#at((node as { readonly range?: readonly number[] }).range?.[1] ?? 0)
    if (isSeq(node)) {
      return { kind: 'list', at, end, items: node.items.map((item) => this.read(item, at, depth + 1)) }
    }
    if (isMap(node)) return { kind: 'mapping', at, end, entries: this.#entries(node, depth) }
    return isScalar(node) ? { kind: 'text', at, end, text: textOf(node) } : nothing(at)
  }

  #entries(node: YAMLMap, depth: number): Entry[] {
    const first = new Map<string, Position>()
    const merged: Entry[] = []
    const own = node.items.flatMap((pair): Entry[] => {
      const at = this.#start(pair.key)
      const key = isScalar(pair.key) ? (pair.key.source ?? String(pair.key.value)) : ''
      const before = first.get(key)
      if (key === '<<') {
        merged.push(...this.#mergedEntries(this.read(pair.value, at, depth + 1)))
        return []
      }
      if (key === '') this.#problems.add(at, 'a key is missing before the colon')
      else if (before) this.#problems.add(at, `duplicate key "${key}": the first is on line ${before.line}`)
      else first.set(key, at)
      return [{ key, at, value: this.read(pair.value, at, depth + 1) }]
    })
    // Its own keys take precedence over merged ones, and earlier merged ones over later: YAML's merge keys,
    // which OCS reads.
    for (const entry of merged) {
      if (first.has(entry.key)) continue
      first.set(entry.key, entry.at)
      own.push(entry)
    }
    return own
  }

  #mergedEntries(value: Node): readonly Entry[] {
    if (value.kind === 'mapping') return value.entries
    if (value.kind === 'list') return value.items.flatMap((item) => this.#mergedEntries(item))
    this.#problems.add(value.at, 'a merge key (<<) takes keys with values, or an alias (*name) of some')
    return []
  }

  #count(values: number, at: Position): void {
    this.#size += values
    if (this.#aliases <= MAX_ALIASES && this.#size <= MAX_VALUES) return
    this.#isFull = true
    const limit = this.#aliases > MAX_ALIASES ? `${MAX_ALIASES} aliases` : `${MAX_VALUES} values`
    this.#problems.add(at, `more than ${limit}: is it a site file?`)
  }

  /** Whether reading stopped at a limit, so that the rest of the file is unknown. */
  get isFull(): boolean {
    return this.#isFull
  }

  #start(node: unknown): Position {
    return this.#at((node as { readonly range?: readonly number[] } | null)?.range?.[0] ?? 0)
  }
}

function nothing(at: Position): Text {
  return { kind: 'text', at, end: at, text: null }
}

/** A plain scalar keeps its spelling: the serial number 007 is not the number 7. */
function textOf(node: Scalar): string | null {
  if (node.value === null) return null
  return node.type === 'PLAIN' && node.source !== undefined ? node.source : String(node.value)
}
