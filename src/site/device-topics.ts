import { kindOf } from './keys.ts'
import type { Problems } from './problems.ts'
import type { SectionReader } from './section-reader.ts'
import type { Entry, Node } from './tree.ts'

/** The longest topic that a hub accepts. */
const MAX_LEVELS = 10
const MAX_CHARACTERS = 200

/**
 * `device_topics:` of the hub: for each principal one topic prefix, or a list of them, that its devices
 * publish to. An invalid prefix is reported and not granted. Undefined without the key.
 */
export function readDeviceTopics(
  entry: Entry | undefined,
  root: string,
  reader: SectionReader,
): ReadonlyMap<string, readonly string[]> | undefined {
  if (!entry) return undefined
  const { problems } = reader
  if (entry.value.kind !== 'mapping') {
    const example = 'plug-fridge: shellies/plug-fridge'
    problems.add(entry.at, `device_topics takes names with topics (${example}), not ${kindOf(entry.value)}`)
    return new Map()
  }
  return new Map(
    entry.value.entries.map((grant) => {
      reader.checkName(grant, 'principal')
      const { key, value } = grant
      const items = value.kind === 'list' ? value.items : [value]
      return [key, items.flatMap((item) => prefixOf(item, root, problems))]
    }),
  )
}

function prefixOf(node: Node, root: string, problems: Problems): string[] {
  const text = node.kind === 'text' ? node.text : null
  const fault = text === null ? `a topic is a word, not ${kindOf(node)}` : topicFault(text, root)
  if (text !== null && fault === undefined) return [text]
  problems.add(node.at, `device_topics: ${fault}`)
  return []
}

/** Why a prefix is invalid; undefined if it is valid. */
function topicFault(text: string, root: string): string | undefined {
  const levels = text.split('/')
  const quoted = JSON.stringify(text)
  if (text.length > MAX_CHARACTERS || levels.length > MAX_LEVELS)
    return `${quoted}: at most ${MAX_LEVELS} levels and ${MAX_CHARACTERS} characters`
  if (/[+#]/.test(text) || levels.includes(''))
    return `${quoted}: write the levels that all its topics begin with, without wildcards or / at either end`
  if (text.startsWith('$')) return `${quoted}: topics that begin with $ belong to the hub`
  if (levels[0] === root) return `${quoted}: topics that begin with ${root} are the lab's own`
  return undefined
}
