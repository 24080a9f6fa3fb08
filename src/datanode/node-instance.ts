import { z } from 'zod'
import type { Claim } from '../core/agent.ts'

/** The first part of a data node's metric names: `NAME::field`. */
export const NodeName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_. -]{0,62}$/, 'letters, digits, _, -, dots and blanks, at most 63')

/** The claim on a name: each metric belongs to one data node. */
export function nameClaims({ name }: { readonly name: string }): Claim[] {
  return [{ argument: 'name', key: `node ${name}`, text: `the name "${name}" of a data node` }]
}

/**
 * The instance-id of a data node: its name, with characters that are not allowed replaced. The hub permits
 * one client per instance-id, so a second live node of the same name is refused.
 */
export function nodeInstance(name: string): string {
  return `node-${name.replaceAll(/[^A-Za-z0-9_-]/g, '-')}`.slice(0, 63)
}
