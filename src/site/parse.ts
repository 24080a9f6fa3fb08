import { CST, Lexer, parseDocument } from 'yaml'
import { ConfigError } from '../core/errors.ts'
import { type Position, Problems } from './problems.ts'
import { MAX_DEPTH, type Node, TOO_DEEP, TreeReader } from './tree.ts'

/** Bytes; the site file of a large observatory is a tenth of this. */
export const MAX_BYTES = 128 * 1024

/** Plain words for messages of the parser. */
const PLAINLY: Readonly<Record<string, string>> = {
  RESOURCE_EXHAUSTION: TOO_DEEP,
  MULTIPLE_DOCS: 'a site file is one document: remove the "---" in the middle',
}
/** A quoted text with its closing quote. */
const CLOSED = /^(?:'(?:[^']|'')*'|"(?:[^"\\]|\\.)*")$/s

/**
 * Parses YAML 1.2: one document, without custom tags. Bounded in time and memory for any text.
 * @param file the name of the text in messages
 * @returns the values, and problems of single ones (a duplicate key)
 * @throws ConfigError with a line `FILE:LINE:COLUMN: text` when it is not YAML
 */
export function parseYaml(text: string, file: string): { root: Node; problems: Problems } {
  if (Buffer.byteLength(text) > MAX_BYTES) {
    throw new ConfigError(`${file}: larger than ${MAX_BYTES / 1024} KiB: is it a site file?`)
  }
  const problems = new Problems(file)
  const at = positions(text)
  const fault = findFault(text, at)
  if (fault) problems.add(at(fault.offset), fault.why)
  problems.throwIfAny()
  const document = parseDocument(text, {
    prettyErrors: false,
    stringKeys: true,
    merge: false,
    // The tree reader checks this: the parser compares each key with all before it, which takes seconds for a
    // long file.
    uniqueKeys: false,
  })
  const faults = [...document.errors, ...document.warnings].toSorted((a, b) => a.pos[0] - b.pos[0])
  const [first] = faults
  // Later faults are mostly consequences of the first.
  if (first) problems.add(at(first.pos[0]), PLAINLY[first.code] ?? first.message)
  problems.throwIfAny()
  const reader = new TreeReader(at, problems)
  const root = reader.read(document.contents, { line: 1, column: 1 })
  if (reader.isFull) problems.throwIfAny()
  return { root, problems }
}

/**
 * Finds, by tokens alone, constructs that would cost the parser minutes or its whole stack: `? ` keys,
 * unbalanced brackets, deep nesting. Also finds where unclosed brackets and quotes begin.
 */
function findFault(
  text: string,
  at: (offset: number) => Position,
): { readonly offset: number; readonly why: string } | undefined {
  let offset = 0
  let dashes = 0
  let isText = false
  const open: { readonly closes: string; readonly offset: number; readonly source: string }[] = []
  const fault = (why: string, where = offset) => ({ offset: where, why })
  for (const source of new Lexer().lex(text)) {
    const type: string | null = isText ? null : CST.tokenType(source)
    isText = type === 'scalar'
    if (type === 'flow-map-start') open.push({ closes: '}', offset, source })
    else if (type === 'flow-seq-start') open.push({ closes: ']', offset, source })
    else if (type === 'flow-map-end' || type === 'flow-seq-end') {
      const last = open.pop()
      if (!last) return fault(`there is no bracket open for this ${source}`)
      if (last.closes !== source)
        return fault(`this ${source} cannot close the ${last.source} of line ${at(last.offset).line}`)
    } else if (type === 'seq-item-ind') dashes++
    else if (type === 'newline') dashes = 0
    else if (type === 'explicit-key-ind') return fault('"?" keys are not supported: write "key: value"')
    else if (type?.endsWith('-quoted-scalar') && !CLOSED.test(source))
      return fault('this quote is never closed')
    if (open.length > MAX_DEPTH || dashes > MAX_DEPTH) return fault(TOO_DEEP)
    // These are markers of the lexer and stand for no text.
    if (type !== 'doc-mode' && type !== 'scalar' && type !== 'flow-error-end') offset += source.length
  }
  const last = open.at(-1)
  return last && fault(`this ${last.source} is never closed: it takes a ${last.closes}`, last.offset)
}

/** The position of each offset in a text. */
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
