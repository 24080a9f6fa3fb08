import { parseYaml } from './parse.ts'
import type { Node } from './tree.ts'

/** What a site file says, as a document of texts, lists and mappings, whether it means something or not. @throws ConfigError when it is no YAML */
export function plainSite(text: string, file: string): unknown {
  return plain(parseYaml(text, file).root)
}

function plain(node: Node): unknown {
  if (node.kind === 'text') return node.text
  if (node.kind === 'list') return node.items.map(plain)
  return Object.fromEntries(node.entries.map(({ key, value }) => [key, plain(value)]))
}
