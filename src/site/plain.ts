import { parseYaml } from './parse.ts'
import type { Node } from './tree.ts'

/**
 * The contents of a site file as texts, lists and mappings, without checking them.
 * @throws ConfigError when it is not YAML
 */
export function plainSite(text: string, file: string): unknown {
  return plain(parseYaml(text, file).root)
}

function plain(node: Node): unknown {
  if (node.kind === 'text') return node.text
  if (node.kind === 'list') return node.items.map(plain)
  return Object.fromEntries(node.entries.map(({ key, value }) => [key, plain(value)]))
}
