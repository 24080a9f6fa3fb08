import { NAME } from '../core/names.ts'
import { kindOf } from './keys.ts'
import type { Problems } from './problems.ts'
import type { Entry, Node } from './tree.ts'

/** Levels of a topic that a hub takes, and characters. */
const MOST_LEVELS = 10
const MOST_CHARACTERS = 200

/**
 * `device_topics:` of the hub: by the name of a principal a prefix of topics, or a list of them, on which its devices publish.
 * What is wrong is told, and granted to nobody. Undefined without the key.
 */
export function readDeviceTopics(
  entry: Entry | undefined,
  root: string,
  problems: Problems,
): ReadonlyMap<string, readonly string[]> | undefined {
  if (!entry) return undefined
  if (entry.value.kind !== 'mapping') {
    const example = 'plug-fridge: shellies/plug-fridge'
    problems.add(entry.at, `device_topics takes names with topics (${example}), not ${kindOf(entry.value)}`)
    return new Map()
  }
  return new Map(
    entry.value.entries.map(({ key, at, value }) => {
      if (!NAME.test(key))
        problems.add(at, `${JSON.stringify(key)} is no name of a principal: letters, digits, _ and -`)
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

/** Why devices cannot have a prefix; undefined when they can. */
function topicFault(text: string, root: string): string | undefined {
  const levels = text.split('/')
  const quoted = JSON.stringify(text)
  if (text.length > MOST_CHARACTERS || levels.length > MOST_LEVELS)
    return `${quoted}: at most ${MOST_LEVELS} levels and ${MOST_CHARACTERS} characters`
  if (/[+#]/.test(text) || levels.includes(''))
    return `${quoted}: write the levels that all its topics begin with, without wildcards and without / at either end`
  if (text.startsWith('$')) return `${quoted}: topics that begin with $ belong to the hub`
  if (levels[0] === root) return `${quoted}: what begins with ${root} is the lab's own`
  return undefined
}
