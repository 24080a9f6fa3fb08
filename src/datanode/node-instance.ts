import { z } from 'zod'
import type { Claim } from '../core/agent.ts'

/** The name a data node's metrics begin with: `NAME::field`. */
export const NodeName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_. -]{0,62}$/, 'letters, digits, _, -, dots and blanks, at most 63')

/** The claim on a name: a metric is of one data node. */
export function nameClaims({ name }: { readonly name: string }): Claim[] {
  return [{ argument: 'name', key: `node ${name}`, text: `the name "${name}" of a data node` }]
}

/**
 * The instance-id of a data node: its name, made fit for one. The hub lets one client go by an instance-id, so a second
 * live node of the same name is refused.
 */
export function nodeInstance(name: string): string {
  return `node-${name.replaceAll(/[^A-Za-z0-9_-]/g, '-')}`.slice(0, 63)
}
