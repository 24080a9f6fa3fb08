import { CST, Lexer, parseDocument } from 'yaml'
import { ConfigError } from '../core/errors.ts'
import { type Position, Problems } from './problems.ts'
import { MAX_DEPTH, type Node, TOO_DEEP, TreeReader } from './tree.ts'

/** Bytes; the site file of a large observatory is a tenth of it. */
export const MAX_BYTES = 128 * 1024

/**
 * Parses YAML 1.2: one document, no tags of its own, no merge keys. Bounded in time and memory whatever the text is.
 * @param file the name of the text in messages
 * @throws ConfigError with a line `FILE:LINE:COLUMN: text` for each problem
 */
export function parseYaml(text: string, file: string): Node {
  if (Buffer.byteLength(text) > MAX_BYTES) {
    throw new ConfigError(`${file}: larger than ${MAX_BYTES / 1024} KiB: is it a site file?`)
  }
  const problems = new Problems(file)
  const at = positions(text)
  const costly = findCostly(text)
  if (costly) problems.add(at(costly.offset), costly.why)
  problems.throwIfAny()
  const document = parseDocument(text, {
    prettyErrors: false,
    stringKeys: true,
    merge: false,
    // The reader of the tree does it: the parser compares each key with all before it, seconds for a long file.
    uniqueKeys: false,
  })
  for (const { code, message, pos } of [...document.errors, ...document.warnings]) {
    problems.add(at(pos[0]), code === 'RESOURCE_EXHAUSTION' ? TOO_DEEP : message)
  }
  problems.throwIfAny()
  const root = new TreeReader(at, problems).read(document.contents, { line: 1, column: 1 })
  problems.throwIfAny()
  return root
}

/** Finds by tokens alone what would cost the parser itself minutes, or all of its stack: `? ` keys, unbalanced brackets, deep nesting. */
function findCostly(text: string): { offset: number; why: string } | undefined {
  let offset = 0
  let brackets = 0
  let dashes = 0
  let isText = false
  for (const source of new Lexer().lex(text)) {
    const type: string | null = isText ? null : CST.tokenType(source)
    isText = type === 'scalar'
    if (type === 'flow-map-start' || type === 'flow-seq-start') brackets++
    else if (type === 'flow-map-end' || type === 'flow-seq-end') brackets--
    else if (type === 'seq-item-ind') dashes++
    else if (type === 'newline') dashes = 0
    else if (type === 'explicit-key-ind') return { offset, why: '"?" keys are not read: write "key: value"' }
    if (brackets < 0) return { offset, why: `there is no bracket open for this ${source}` }
    if (brackets > MAX_DEPTH || dashes > MAX_DEPTH) return { offset, why: TOO_DEEP }
    // These are marks of the lexer's own and stand for no text.
    if (type !== 'doc-mode' && type !== 'scalar' && type !== 'flow-error-end') offset += source.length
  }
  return undefined
}

/** The place of each offset of a text. */
function positions(text: string): (offset: number) => Position {
  const starts = [0]
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) starts.push(end + 1)
  return (offset) => {
    let line = 0
    for (let step = 1 << 17; step > 0; step >>= 1) {
      if ((starts[line + step] ?? Number.POSITIVE_INFINITY) <= offset) line += step
    }
    return { line: line + 1, column: offset - (starts[line] ?? 0) + 1 }
  }
}
